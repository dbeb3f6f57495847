import { chmodSync, mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type AgentIdentity, type AgentUpstream, CONTAINER_GATEWAY_URL, runPaths } from '@codex-mcp/contracts';
import { EgressCut } from '../egress/egress-refusal.js';
import type { EgressProxyService } from '../egress/egress-proxy.service.js';
import type { ProxyService } from '../proxy/proxy.service.js';
import { closeServer, createSocketServer, listenOnAgentSocket } from './http-server.js';

/** One agent's unix socket. Who connects to it is that agent: only its container is given the directory. */
export class SocketEndpoint {
  private readonly server: Server;
  private readonly directory: string;
  private readonly path: string;
  /** Those that were opened with CONNECT: the server waits for them, and does not close them itself. */
  private readonly connections = new Set<Duplex>();

  constructor(
    runDir: string,
    agent: AgentIdentity,
    proxy: ProxyService,
    egress: EgressProxyService,
  ) {
    this.directory = runPaths.agentGateway(runDir, agent.key);
    this.path = runPaths.agentGatewaySocket(runDir, agent.key);
    this.server = createSocketServer((request, response) => void proxy.handle(agent, request.url ?? '/', request, response));
    this.server.on('clientError', (error, socket) => proxy.refuseMalformed(agent, error, socket));
    this.server.on('connect', (request, socket, head) => {
      this.connections.add(socket);
      socket.once('close', () => this.connections.delete(socket));
      void egress.connect(agent, request, socket, head);
    });
  }

  /** Keeps a directory that exists, as a running container has it mounted. */
  async open(): Promise<AgentUpstream> {
    mkdirSync(this.directory, { recursive: true, mode: 0o755 });
    // mkdir is subject to the umask, and the container's user is another one.
    chmodSync(this.directory, 0o755);
    await listenOnAgentSocket(this.server, this.path);
    return { baseUrl: CONTAINER_GATEWAY_URL, socketDirectory: this.directory };
  }

  /** Closing removes the socket from its directory. */
  async close(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.connections.forEach((socket) => socket.destroy(new EgressCut('stopped'))), timeoutMs);
    await closeServer(this.server, timeoutMs);
    clearTimeout(timer);
  }
}
