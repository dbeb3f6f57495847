import { AuditLog, type Logger } from '@codex-mcp/observability';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import { AccessModule } from './access/access.module.js';
import { ResourceMetadataController } from './access/oauth/resource-metadata.controller.js';
import { ApprovalWebhook } from './approvals/webhook/approval-webhook.service.js';
import type { EdgeConfig } from './edge.config.js';
import { EDGE_CONFIG, EDGE_PROCESS, type EdgeProcess, LOGGER, METRICS, REDIS, REDIS_SUBSCRIBER } from './edge.tokens.js';
import { HealthController } from './health/health.controller.js';
import { IndexController } from './health/index.controller.js';
import { Readiness } from './health/readiness.service.js';
import { ProblemFilter } from './http/problem.filter.js';
import { InvocationModule } from './invocation/invocation.module.js';
import { McpModule } from './mcp/mcp.module.js';
import { OpsModule } from './ops/ops.module.js';
import { ApprovalsController } from './rest/approvals.controller.js';
import { JobsController } from './rest/jobs.controller.js';
import { OpenApiController } from './rest/openapi/openapi.controller.js';
import { ToolsController } from './rest/tools.controller.js';
import { TurnEventStreams } from './rest/turn-event-streams.service.js';

/** What the process owns and the module uses. */
export type EdgeResources = {
  readonly config: EdgeConfig;
  readonly process: EdgeProcess;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly metrics: Registry;
  readonly redis: Redis;
  readonly subscriber: Redis;
};

@Module({})
class ResourcesModule {
  static register({ config, process, logger, audit, metrics, redis, subscriber }: EdgeResources): DynamicModule {
    const providers = [
      { provide: EDGE_CONFIG, useValue: config },
      { provide: EDGE_PROCESS, useValue: process },
      { provide: LOGGER, useValue: logger },
      { provide: AuditLog, useValue: audit },
      { provide: METRICS, useValue: metrics },
      { provide: REDIS, useValue: redis },
      { provide: REDIS_SUBSCRIBER, useValue: subscriber },
    ];
    return { module: ResourcesModule, global: true, providers, exports: providers };
  }
}

@Module({})
export class EdgeModule {
  static register(resources: EdgeResources): DynamicModule {
    return {
      module: EdgeModule,
      imports: [ResourcesModule.register(resources), AccessModule, InvocationModule, McpModule, OpsModule],
      controllers: [IndexController, ResourceMetadataController, HealthController, ToolsController, JobsController, ApprovalsController, OpenApiController],
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }, Readiness, ApprovalWebhook, TurnEventStreams],
    };
  }
}
