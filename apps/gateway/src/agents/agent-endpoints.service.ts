import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { type AgentRegistration, type AgentUpstream, AppError } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import { EgressGrants } from '../egress/egress-grants.js';
import { EgressProxyService } from '../egress/egress-proxy.service.js';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { ProxyService } from '../proxy/proxy.service.js';
import { loadTokenSecret } from './agent-token.js';
import { LoopbackEndpoint } from './loopback-endpoint.js';
import { RegistrationStore } from './registration-store.js';
import { SocketEndpoint } from './socket-endpoint.js';

type Served = { registration: AgentRegistration; upstream: AgentUpstream; close: (timeoutMs: number) => Promise<void> };

/** The agents' ways in: a socket for each agent with a container, one loopback listener for the others. */
@Injectable()
export class AgentEndpoints {
  private readonly served = new Map<string, Served>();
  private readonly runDir: string;
  private readonly store: RegistrationStore;
  private loopback: Promise<LoopbackEndpoint> | undefined;
  /** Changes are made one after the other: two calls for one agent must not both listen. */
  private turn: Promise<unknown> = Promise.resolve();
  private closing = false;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(ProxyService) private readonly proxy: ProxyService,
    @Inject(EgressProxyService) private readonly egress: EgressProxyService,
    @Inject(EgressGrants) private readonly grants: EgressGrants,
  ) {
    this.runDir = resolve(config.RUN_DIR);
    this.store = new RegistrationStore(this.runDir, logger);
  }

  get count(): number {
    return this.served.size;
  }

  /** Serves again all agents that were registered with the gateway's predecessor. */
  async restore(): Promise<void> {
    await this.inTurn(async () => {
      for (const { registration, upstream } of this.store.all()) {
        const previousPort = registration.transport === 'tcp' ? Number(new URL(upstream.baseUrl).port) : undefined;
        await this.serve(registration, previousPort).catch((error: unknown) => this.logger.error({ err: error, agentKey: registration.agent.key }, 'agent not served again'));
      }
    });
  }

  /** Idempotent: an agent that is served already keeps its endpoint, and a running Codex its connections. */
  register(registration: AgentRegistration): Promise<AgentUpstream> {
    return this.inTurn(() => this.serve(registration));
  }

  /** Idempotent. Connections to the agent's socket are cut: whoever removes an agent has stopped it. */
  remove(key: string): Promise<void> {
    return this.inTurn(async () => {
      await this.served.get(key)?.close(0);
      this.served.delete(key);
      this.grants.forget(key);
      this.store.remove(key);
    });
  }

  /** Ends all endpoints but keeps the registrations for the next gateway. Agents are refused from now on. */
  async close(timeoutMs: number): Promise<void> {
    this.closing = true;
    await this.inTurn(async () => {
      const closing = [...this.served.values()].map(({ close }) => close(timeoutMs));
      await Promise.all([...closing, this.loopback?.then((loopback) => loopback.close(timeoutMs))]);
      this.served.clear();
    });
  }

  private async serve(registration: AgentRegistration, previousPort?: number): Promise<AgentUpstream> {
    if (this.closing) throw new AppError('service_unavailable', 'The gateway is stopping.');
    const { key } = registration.agent;
    const known = this.served.get(key);
    const wishes = registration.egress ?? known?.registration.egress ?? [];
    this.grants.wish(key, wishes);
    if (known && known.registration.transport === registration.transport) {
      this.keep(known, wishes);
      return known.upstream;
    }
    await known?.close(0);
    const endpoint = registration.transport === 'unix' ? await this.openSocket(registration) : await this.openLoopback(registration, previousPort);
    const served = { registration: { ...registration, egress: wishes }, ...endpoint };
    this.served.set(key, served);
    this.store.save(served);
    return endpoint.upstream;
  }

  /** The next gateway is to grant the same. */
  private keep(known: Served, egress: string[]): void {
    if (isDeepStrictEqual(known.registration.egress ?? [], egress)) return;
    known.registration = { ...known.registration, egress };
    this.store.save(known);
  }

  private async openSocket({ agent }: AgentRegistration): Promise<Omit<Served, 'registration'>> {
    const endpoint = new SocketEndpoint(this.runDir, agent, this.proxy, this.egress);
    return { upstream: await endpoint.open(), close: (timeoutMs) => endpoint.close(timeoutMs) };
  }

  private async openLoopback({ agent }: AgentRegistration, previousPort: number | undefined): Promise<Omit<Served, 'registration'>> {
    const loopback = await (this.loopback ??= this.startLoopback(previousPort));
    return { upstream: loopback.add(agent), close: async () => loopback.remove(agent.key) };
  }

  private async startLoopback(previousPort: number | undefined): Promise<LoopbackEndpoint> {
    const secret = loadTokenSecret(this.config.GATEWAY_SECRET_FILE ?? join(this.runDir, 'gateway.secret'));
    const loopback = new LoopbackEndpoint({ bind: this.config.GATEWAY_BIND, port: this.config.GATEWAY_PORT, secret }, this.proxy, this.logger);
    await loopback.open(previousPort);
    return loopback;
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }
}
