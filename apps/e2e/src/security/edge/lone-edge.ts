import { readdir, readFile, readlink } from 'node:fs/promises';
import { createRedis, HeartbeatPublisher } from '@codex-mcp/messaging';
import { eventually, freePort, startRedis, temporaryDirectory } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { Service } from '../../scorecard/system/service-group.js';
import type { CleanUp } from '../../stack/clean-up.js';
import { entryOf, type Environment } from '../../stack/launched.process.js';
import { writeTokens } from '../tenants/tokens.js';

const START_TIMEOUT_MS = 60_000;
const LOOK_MS = 200;
const common = { instance: 'nobody', version: '0.0.0', startedAtMs: 0, pid: 1 };
/** What an edge wants to hear of the others before it accepts a turn. */
const BEATS = [
  { service: 'worker', ...common, activeTurns: 0 },
  { service: 'supervisor', ...common, supervisorId: 'nobody', relayUrl: 'ws://127.0.0.1:1', runtime: 'docker', runningAgents: 0, maxAgents: 20, workspaceRoots: ['/srv'] },
  { service: 'gateway', ...common, signIn: { method: 'api_key', source: 'OPENAI_API_KEY' } },
] as const;

/** The built edge on a Redis of its own, with the tokens of two tenants; nobody takes its turns. */
export class LoneEdge {
  private constructor(
    readonly url: string,
    readonly redis: Redis,
    private readonly service: Service,
  ) {}

  static async start(root: string, cleanUp: CleanUp, env: Environment = {}): Promise<LoneEdge> {
    const server = cleanUp.add(await startRedis(), (one) => one.stop());
    const redis = cleanUp.add(createRedis(server.url), (one) => one.disconnect());
    for (const beat of BEATS) await cleanUp.add(new HeartbeatPublisher(redis, () => beat as never), (one) => one.stop()).start();
    const directory = cleanUp.add(await temporaryDirectory(), (one) => one.remove());
    const port = await freePort();
    const service = new Service('mcp-edge', entryOf('mcp-edge', root), {
      env: { PATH: process.env['PATH'], REDIS_URL: server.url, PORT: String(port), ...(await writeTokens(directory.path)), ...env },
      cwd: root,
    });
    cleanUp.add(service, (one) => one.end());
    const url = `http://127.0.0.1:${port}`;
    await service.until(async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok === true, START_TIMEOUT_MS);
    return new LoneEdge(url, redis, service);
  }

  /** What it has written to its log. */
  get log(): string {
    return this.service.output;
  }

  get isRunning(): boolean {
    return this.service.isRunning;
  }

  /** With all garbage: what a process takes, it takes. */
  async residentMb(): Promise<number> {
    const status = await readFile(`/proc/${this.service.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  }

  async openSockets(): Promise<number> {
    const directory = `/proc/${this.service.pid}/fd`;
    const targets = await Promise.all((await readdir(directory)).map((name) => readlink(`${directory}/${name}`).catch(() => '')));
    return targets.filter((target) => target.startsWith('socket:')).length;
  }

  /** The largest memory from now until the returned function is called. */
  watchMemory(): () => Promise<number> {
    let peak = 0;
    const look = async () => void (peak = Math.max(peak, await this.residentMb().catch(() => 0)));
    const timer = setInterval(() => void look(), LOOK_MS);
    return async () => {
      clearInterval(timer);
      await look();
      return peak;
    };
  }

  /** Resolves when no more than `sockets` are open. */
  async closedDownTo(sockets: number, timeoutMs: number): Promise<void> {
    await eventually(async () => (await this.openSockets()) <= sockets, { timeoutMs, intervalMs: 100 });
  }
}
