import { type DynamicModule, Module } from '@nestjs/common';
import { createRedis } from '@codex-mcp/messaging';
import { AuditLog, createLogger, createMetrics, type Logger } from '@codex-mcp/observability';
import type { Registry } from 'prom-client';
import { Afterwork } from './afterwork.js';
import { AgentEndpoints } from './agents/agent-endpoints.service.js';
import { ControlServer } from './agents/control.server.js';
import { CredentialsService } from './credentials/credentials.service.js';
import type { GatewayConfig } from './gateway.config.js';
import { EgressGrants } from './egress/egress-grants.js';
import { EgressMetrics } from './egress/egress.metrics.js';
import { EgressProxyService } from './egress/egress-proxy.service.js';
import { PullRequestsService } from './forge/pull-requests.service.js';
import { GatewayHealth } from './gateway.health.js';
import { GATEWAY_INSTANCE, GatewayHeartbeat } from './gateway.heartbeat.js';
import { GatewayService } from './gateway.service.js';
import { GATEWAY_CONFIG, LOGGER, METRICS, REDIS } from './gateway.tokens.js';
import { GitMetrics } from './git/git.metrics.js';
import { GitProxyService } from './git/git-proxy.service.js';
import { ForwarderService } from './proxy/forwarder.service.js';
import { ProxyMetrics } from './proxy/proxy.metrics.js';
import { ProxyService } from './proxy/proxy.service.js';
import { BudgetsService } from './usage/budgets.service.js';
import { UsageLedger } from './usage/usage.ledger.js';
import { UsageMetrics } from './usage/usage.metrics.js';
import { UsageService } from './usage/usage.service.js';

@Module({})
export class GatewayModule {
  static with(config: GatewayConfig, logger: Logger = createLogger('gateway', config.LOG_LEVEL)): DynamicModule {
    return {
      module: GatewayModule,
      providers: [
        { provide: GATEWAY_CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        { provide: METRICS, useFactory: () => createMetrics('gateway') },
        { provide: AuditLog, useFactory: (metrics: Registry) => new AuditLog(config, { service: 'gateway', instance: GATEWAY_INSTANCE }, logger, metrics), inject: [METRICS] },
        { provide: REDIS, useFactory: () => createRedis(config.REDIS_URL.reveal()) },
        Afterwork,
        CredentialsService,
        UsageLedger,
        BudgetsService,
        UsageMetrics,
        UsageService,
        ProxyMetrics,
        ForwarderService,
        EgressGrants,
        EgressMetrics,
        EgressProxyService,
        GitMetrics,
        GitProxyService,
        PullRequestsService,
        ProxyService,
        AgentEndpoints,
        ControlServer,
        GatewayHealth,
        GatewayHeartbeat,
        GatewayService,
      ],
    };
  }
}
