import { chmodSync, rmSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { json } from 'node:stream/consumers';
import { Inject, Injectable } from '@nestjs/common';
import { ConfigError } from '@codex-mcp/config';
import { AgentRegistration, AppError, type ErrorBody, PullRequestWish, runPaths, toErrorBody } from '@codex-mcp/contracts';
import { type Logger, operation } from '@codex-mcp/observability';
import { EgressGrants } from '../egress/egress-grants.js';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { GatewayHealth } from '../gateway.health.js';
import { PullRequestsService } from '../forge/pull-requests.service.js';
import { AgentEndpoints } from './agent-endpoints.service.js';
import { closeServer, createAgentServer, listen } from './http-server.js';

const AGENT_PATH = /^\/agents\/([0-9a-f]{32})$/;

const PULL_REQUESTS_PATH = /^\/agents\/([0-9a-f]{32})\/pull-requests$/;

const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE';

/** Whether a living process accepts connections on a unix socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** The supervisor's side of the gateway: which agents there are. On a socket that only this user may open. */
@Injectable()
export class ControlServer {
  private readonly server: Server;
  private readonly path: string;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(AgentEndpoints) private readonly agents: AgentEndpoints,
    @Inject(GatewayHealth) private readonly health: GatewayHealth,
    @Inject(EgressGrants) private readonly grants: EgressGrants,
    @Inject(PullRequestsService) private readonly pullRequests: PullRequestsService,
  ) {
    this.path = runPaths.gatewayControl(resolve(config.RUN_DIR));
    this.server = createAgentServer((request, response) => void this.answer(request, response));
  }

  /** Throws a ConfigError where another gateway lives in the same RUN_DIR; replaces the socket of a dead one. */
  async open(): Promise<void> {
    try {
      await listen(this.server, { path: this.path });
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (await answers(this.path)) {
        throw new ConfigError(`Another gateway is running in this RUN_DIR (it answers on ${this.path}). Stop it, or choose another RUN_DIR.`);
      }
      rmSync(this.path);
      await listen(this.server, { path: this.path });
    }
    chmodSync(this.path, 0o600);
  }

  async close(timeoutMs: number): Promise<void> {
    await closeServer(this.server, timeoutMs);
    await this.pullRequests.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: unknown) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    try {
      const [status, body] = await this.route(request);
      send(status, body);
    } catch (error) {
      const body: ErrorBody = toErrorBody(error);
      send(error instanceof AppError ? error.httpStatus : 500, { error: body });
    }
  }

  private async route(request: IncomingMessage): Promise<[status: number, body: unknown]> {
    if (request.method === 'GET' && request.url === '/health') {
      const report = this.health.report();
      return [report.ok ? 200 : 503, report];
    }
    const key = AGENT_PATH.exec(request.url ?? '')?.[1];
    if (key !== undefined && request.method === 'PUT') return [200, await this.register(key, request)];
    const asking = PULL_REQUESTS_PATH.exec(request.url ?? '')?.[1];
    if (asking !== undefined && request.method === 'POST') return [200, await this.openPullRequest(asking, request)];
    if (key !== undefined && request.method === 'DELETE') return [200, await this.remove(key)];
    return [404, { error: { code: 'not_found', message: 'The gateway’s control socket knows PUT and DELETE /agents/<key>, POST /agents/<key>/pull-requests, and GET /health.' } }];
  }

  private async register(key: string, request: IncomingMessage) {
    const parsed = AgentRegistration.safeParse(await json(request).catch(() => undefined));
    if (!parsed.success || parsed.data.agent.key !== key) throw new AppError('invalid_arguments', 'The body must be the registration of the agent in the path.');
    const { agent, transport } = parsed.data;
    return operation(this.logger, 'agent_register', { agentId: agent.agentId, tenant: agent.tenant, agentKey: key, transport }, async () => ({ ...(await this.agents.register(parsed.data)), gitHosts: [...this.config.GIT_HOSTS.keys()], egress: this.grants.view(key) }));
  }

  private async openPullRequest(key: string, request: IncomingMessage) {
    const parsed = PullRequestWish.safeParse(await json(request).catch(() => undefined));
    if (!parsed.success) throw new AppError('invalid_arguments', 'The body must be a branch that is to be reviewed.');
    return this.pullRequests.open(key, parsed.data);
  }

  private async remove(key: string) {
    await operation(this.logger, 'agent_remove', { agentKey: key }, () => this.agents.remove(key));
    return {};
  }
}
