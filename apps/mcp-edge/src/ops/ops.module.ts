import { Inject, type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { Authenticator } from '../access/authenticator.service.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { InvocationModule } from '../invocation/invocation.module.js';
import { MessagingModule } from '../messaging.module.js';
import { guardOps } from './ops-access.middleware.js';
import { DASHBOARD_ROUTE, QueueDashboard } from './queue-dashboard.service.js';

/** What operators look at. */
@Module({ imports: [MessagingModule, InvocationModule], providers: [QueueDashboard] })
export class OpsModule implements NestModule {
  constructor(
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
    private readonly dashboard: QueueDashboard,
    private readonly authenticator: Authenticator,
  ) {}

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(guardOps(this.config, this.authenticator), this.dashboard.handle).forRoutes(DASHBOARD_ROUTE);
  }
}
