import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type AgentIdentity, agentKey, runPaths } from '@codex-mcp/contracts';
import { atExit, eventually } from '@codex-mcp/testing';
import { entryOf, type Environment } from '../../stack/launched.process.js';

export type Answer = { status: number; body: string };

const START_TIMEOUT_MS = 60_000;

/** The built gateway alone, in a process group of its own that can be killed as a whole. */
export class GatewayProcess {
  output = '';
  private child: ChildProcess | undefined;
  private forget: () => void = () => undefined;

  /** `tree`: where the product is built; `runDir` keeps what a successor serves again. */
  constructor(
    private readonly tree: string,
    private readonly runDir: string,
    private readonly env: Environment,
  ) {}

  async start(): Promise<void> {
    const child = spawn(process.execPath, [entryOf('gateway', this.tree)], {
      env: { PATH: process.env['PATH'], REDIS_URL: 'redis://127.0.0.1:1', RUN_DIR: this.runDir, ...this.env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (this.output += more));
    this.child = child;
    this.forget = atExit(() => this.kill());
    await eventually(async () => (await this.health()).status === 200, { timeoutMs: START_TIMEOUT_MS });
  }

  /** The whole group, as an operator's or the kernel's kill -9 of a service would. */
  kill(): void {
    this.forget();
    if (this.child?.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) process.kill(-this.child.pid, 'SIGKILL');
  }

  async ended(): Promise<void> {
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }

  health(): Promise<Answer> {
    return send(runPaths.gatewayControl(this.runDir), 'GET', '/health');
  }

  async register(agentId: string): Promise<AgentIdentity> {
    const agent = { key: agentKey('local', agentId), tenant: 'local', agentId };
    await send(runPaths.gatewayControl(this.runDir), 'PUT', `/agents/${agent.key}`, JSON.stringify({ agent, transport: 'unix' }));
    return agent;
  }

  /** A model request of an agent; rejects where nobody listens or the answer breaks off. */
  ask(agent: AgentIdentity, body: string): Promise<Answer> {
    return send(runPaths.agentGatewaySocket(this.runDir, agent.key), 'POST', '/v1/responses', body);
  }
}

async function send(socketPath: string, method: string, path: string, body?: string): Promise<Answer> {
  const sent = request({ socketPath, method, path, agent: false, headers: { 'content-length': Buffer.byteLength(body ?? '') } });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
  return { status: response.statusCode ?? 0, body: await text(response) };
}
