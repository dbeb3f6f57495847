import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError, type AgentRecord, ERROR_CLASSES, PullRequestWish, toErrorBody } from '@codex-mcp/contracts';
import { type AgentStore, type Envelopes, RELAY_PASS_HEADER, relayPassFlaw } from '@codex-mcp/messaging';
import type { Auditor, Logger } from '@codex-mcp/observability';
import type { GatewayClient } from '../gateway/gateway.client.js';
import type { AgentRuntime } from '../runtime/agent-runtime.port.js';
import { openAppServerSocket } from '../runtime/app-server.socket.js';
import type { HostDirectories } from '../workspace/host-directories.js';
import { readBody } from './request-body.js';

const PATH = /^\/agents\/([0-9a-f]{32})(\/pull-requests)?$/;

/**
 * Brings a worker to the Codex of an agent: checks the lease, then copies bytes between the two.
 * One driver per agent: a newer lease ends the connection of an older one.
 */
export class RelayServer {
  private readonly server = createServer((request, response) => void this.answer(request, response));
  private readonly drivers = new Map<string, Duplex>();

  constructor(
    private readonly registry: AgentStore,
    private readonly runtime: AgentRuntime,
    private readonly directories: HostDirectories,
    private readonly gateway: Pick<GatewayClient, 'openPullRequest'>,
    private readonly logger: Logger,
    private readonly options: { bind: string; port: number; url: string | undefined; supervisorId: string },
    private readonly envelopes: Envelopes,
    private readonly audit: Auditor,
  ) {
    this.server.on('upgrade', (request, socket, head) => void this.relay(request, socket as Socket, head));
  }

  async start(): Promise<void> {
    this.server.listen(this.options.port, this.options.bind);
    await once(this.server, 'listening');
  }

  /** As workers see it. */
  get url(): string {
    return this.options.url ?? `http://${this.options.bind}:${(this.server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.drivers.size;
  }

  async stop(): Promise<void> {
    for (const driver of this.drivers.values()) driver.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private async relay(request: IncomingMessage, worker: Socket, head: Buffer): Promise<void> {
    worker.on('error', () => worker.destroy());
    try {
      const agent = await this.admitted(request);
      const codex = await openAppServerSocket(await this.runtime.socketOf(agent));
      codex.on('error', () => worker.destroy());
      this.drivers.get(agent.key)?.destroy();
      this.drivers.set(agent.key, worker);
      worker.once('close', () => this.left(agent.key, worker, codex));
      codex.once('close', () => worker.destroy());
      worker.setNoDelay(true);
      codex.write(upgradeRequest(request));
      if (head.length > 0) codex.write(head);
      codex.pipe(worker).pipe(codex);
    } catch (error) {
      const status = error instanceof AppError && error.code === 'unauthenticated' ? '403 Forbidden' : '503 Service Unavailable';
      this.logger.warn({ op: 'relay.open', outcome: 'refused', err: error }, 'relay.open');
      worker.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    }
  }

  /** Changes of the host directory that the agent works on a copy of; a pull request for its branch. */
  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return void response.writeHead(404).end();
    try {
      const agent = await this.admitted(request);
      const body = await readBody(request);
      respond(response, 200, request.url?.endsWith('/pull-requests') ? await this.gateway.openPullRequest(agent, PullRequestWish.parse(body)) : await this.directories.write(agent, body));
    } catch (error) {
      if (!(error instanceof AppError)) this.logger.error({ op: 'relay.write', err: error }, 'relay.write');
      const body = toErrorBody(error);
      respond(response, ERROR_CLASSES[body.code].httpStatus, body);
    }
  }

  private left(agentKey: string, worker: Duplex, codex: Socket): void {
    codex.destroy();
    if (this.drivers.get(agentKey) === worker) this.drivers.delete(agentKey);
  }

  private async admitted(request: IncomingMessage): Promise<AgentRecord> {
    const key = PATH.exec(request.url ?? '')?.[1] ?? '';
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const epoch = Number(request.headers['x-lease-epoch']);
    this.assertPass(request, key, epoch);
    const agent = (await this.registry.holdsLease(key, epoch, token)) ? await this.registry.get(key) : undefined;
    if (!agent) throw new AppError('unauthenticated', 'no lease of this agent');
    return agent;
  }

  /** A lease is a record in Redis; that a worker shows it, only a worker can sign. */
  private assertPass({ headers, socket }: IncomingMessage, agentKey: string, epoch: number): void {
    const flaw = relayPassFlaw(this.envelopes, headers[RELAY_PASS_HEADER], { agentKey, epoch, supervisorId: this.options.supervisorId });
    if (flaw === undefined) return;
    this.audit.record({ action: 'envelope.refused', outcome: 'refused', detail: { what: 'relay', agentKey, flaw, from: socket.remoteAddress } });
    throw new AppError('unauthenticated', `no pass of a worker (${flaw})`);
  }
}

function respond(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
}

/** The worker's handshake, without what concerns only the relay. Codex refuses any Origin. */
function upgradeRequest({ headers }: IncomingMessage): string {
  return [
    'GET / HTTP/1.1',
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${headers['sec-websocket-key'] ?? ''}`,
    `Sec-WebSocket-Version: ${headers['sec-websocket-version'] ?? '13'}`,
    '',
    '',
  ].join('\r\n');
}
