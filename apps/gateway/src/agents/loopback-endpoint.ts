import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentIdentity, AgentUpstream } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import { sendError } from '../proxy/api-error.js';
import type { ProxyService } from '../proxy/proxy.service.js';
import { agentToken } from './agent-token.js';
import { closeServer, createAgentServer, listen } from './http-server.js';

const AGENT_URL = /^\/agents\/([\w-]+)(\/.*)$/;

/** One TCP listener for all agents without a container; the token in the path says which agent it is. */
export class LoopbackEndpoint {
  private readonly agents = new Map<string, AgentIdentity>();
  private readonly server: Server;

  constructor(
    private readonly options: { bind: string; port: number; secret: Buffer },
    private readonly proxy: ProxyService,
    private readonly logger: Logger,
  ) {
    this.server = createAgentServer((request, response) => this.route(request, response));
  }

  /** Listens on the configured port, else on `previousPort`, as Codex processes that are running know it. */
  async open(previousPort: number | undefined): Promise<void> {
    const { bind: host, port } = this.options;
    if (port !== 0 || previousPort === undefined) return listen(this.server, { host, port });
    try {
      await listen(this.server, { host, port: previousPort });
    } catch (error) {
      this.logger.warn({ port: previousPort, reason: (error as NodeJS.ErrnoException).code }, 'the former port is taken; agents without a container must be started anew');
      await listen(this.server, { host, port });
    }
  }

  add(agent: AgentIdentity): AgentUpstream {
    const token = agentToken(this.options.secret, agent.key);
    this.agents.set(token, agent);
    const { address, family, port } = this.server.address() as AddressInfo;
    return { baseUrl: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/agents/${token}/v1` };
  }

  remove(agentKey: string): void {
    this.agents.delete(agentToken(this.options.secret, agentKey));
  }

  async close(timeoutMs: number): Promise<void> {
    await closeServer(this.server, timeoutMs);
  }

  private route(request: IncomingMessage, response: ServerResponse): void {
    const [, token = '', url = ''] = AGENT_URL.exec(request.url ?? '') ?? [];
    const agent = this.agents.get(token);
    if (agent) return void this.proxy.handle(agent, url, request, response);
    request.resume();
    sendError(response, 'codex_mcp_not_found', 'No agent has this address.');
  }
}
