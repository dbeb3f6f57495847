import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AuditLog, type Logger, startOpsServer } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import { Afterwork } from './afterwork.js';
import { AgentEndpoints } from './agents/agent-endpoints.service.js';
import { ControlServer } from './agents/control.server.js';
import { prepareRunDir } from './agents/run-dir.js';
import { CredentialsService } from './credentials/credentials.service.js';
import type { GatewayConfig } from './gateway.config.js';
import { GatewayHealth } from './gateway.health.js';
import { GatewayHeartbeat } from './gateway.heartbeat.js';
import { GATEWAY_CONFIG, LOGGER, METRICS, REDIS } from './gateway.tokens.js';
import { ProxyService } from './proxy/proxy.service.js';
import { UsageLedger } from './usage/usage.ledger.js';

/** The order in which the gateway comes up and goes down. */
@Injectable()
export class GatewayService implements OnApplicationBootstrap, OnApplicationShutdown {
  private ops: Awaited<ReturnType<typeof startOpsServer>> | undefined;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) private readonly metrics: Registry,
    @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(AgentEndpoints) private readonly agents: AgentEndpoints,
    @Inject(ControlServer) private readonly control: ControlServer,
    @Inject(ProxyService) private readonly proxy: ProxyService,
    @Inject(CredentialsService) private readonly credentials: CredentialsService,
    @Inject(GatewayHealth) private readonly health: GatewayHealth,
    @Inject(GatewayHeartbeat) private readonly heartbeat: GatewayHeartbeat,
    @Inject(UsageLedger) private readonly usage: UsageLedger,
    @Inject(Afterwork) private readonly afterwork: Afterwork,
    @Inject(REDIS) private readonly redis: Redis,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      await this.onApplicationShutdown();
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.health.serving = false;
    this.credentials.stopWatching();
    await this.heartbeat.stop();
    await this.agents.close(this.config.SHUTDOWN_TIMEOUT);
    await this.proxy.close();
    this.afterwork.run();
    await this.usage.close();
    this.redis.disconnect();
    // Last of all: until here no other gateway may take the sockets.
    await this.control.close(0);
    await this.ops?.close();
    await this.audit.close();
    this.logger.info('gateway stopped');
  }

  private async start(): Promise<void> {
    const runDir = prepareRunDir(this.config.RUN_DIR);
    // First of all: it also keeps a second gateway from taking over the first one's sockets.
    await this.control.open();
    await this.agents.restore();
    this.ops = await startOpsServer({ bind: this.config.OPS_BIND, port: this.config.OPS_PORT, metrics: this.metrics, health: async () => this.health.report() });
    this.health.serving = true;
    this.heartbeat.start();
    this.credentials.startWatching();
    this.logger.info({ runDir, opsPort: this.ops.port, agents: this.agents.count }, 'gateway started');
  }
}
