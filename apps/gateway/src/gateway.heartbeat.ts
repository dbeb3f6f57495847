import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Heartbeat } from '@codex-mcp/contracts';
import { HeartbeatPublisher } from '@codex-mcp/messaging';
import { AuditLog, type Logger } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import { CredentialsService } from './credentials/credentials.service.js';
import { LOGGER, REDIS } from './gateway.tokens.js';
import { BudgetsService } from './usage/budgets.service.js';
import { VERSION } from './version.js';

const WITHDRAW_TIMEOUT_MS = 1000;

export const GATEWAY_INSTANCE = `${hostname()}-${randomUUID().slice(0, 8)}`;

/** Says over Redis that this gateway lives and how it is signed in; at once when the sign-in changes. */
@Injectable()
export class GatewayHeartbeat {
  private readonly publisher: HeartbeatPublisher;
  private readonly self = { service: 'gateway', instance: GATEWAY_INSTANCE, version: VERSION, startedAtMs: Date.now(), pid: process.pid } as const;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CredentialsService) private readonly credentials: CredentialsService,
    @Inject(BudgetsService) private readonly budgets: BudgetsService,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {
    this.publisher = new HeartbeatPublisher(redis, () => this.describe());
  }

  /** Does not wait for Redis: agents are served without it, and the first beat goes out when it is back. */
  start(): void {
    const failed = (error: unknown) => this.logger.warn({ err: error }, 'heartbeat failed');
    this.publisher.start().catch(failed);
    this.credentials.onChange(() => void this.publisher.beat().catch(failed));
  }

  /** Withdraws the beat, also where Redis does not answer. */
  async stop(): Promise<void> {
    const withdrawn = this.publisher.stop();
    // While it reconnects, ioredis keeps commands waiting even after disconnect().
    if (this.redis.status === 'ready') await Promise.race([withdrawn, delay(WITHDRAW_TIMEOUT_MS, undefined, { ref: false })]);
  }

  private describe(): Heartbeat {
    const { problem } = this.audit;
    return { ...this.self, signIn: this.credentials.current().signIn, profiles: this.credentials.others(), budgets: this.budgets.budgets, ...(problem !== undefined && { auditProblem: problem }) };
  }
}
