import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type AgentIdentity, dayOf, type ModelUse } from '@codex-mcp/contracts';
import { type Increment, incrementsOf, UsageStore } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import { LOGGER, REDIS } from '../gateway.tokens.js';

/** Counters that wait for Redis; far more than all agents of a host with all their models have. */
const MAX_WAITING = 20_000;

const CLOSE_TIMEOUT_MS = 1000;

/** Counts in Redis what agents take of the model. While Redis is away counters add up here, and go there when it is back. */
@Injectable()
export class UsageLedger {
  private readonly store: UsageStore;
  private waiting = new Map<string, Increment>();
  private leaving: readonly Increment[] = [];
  private sending: Promise<void> | undefined;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.store = new UsageStore(redis);
    redis.on('ready', () => void this.send());
  }

  count(agent: AgentIdentity, use: ModelUse): void {
    this.wait(incrementsOf(agent, dayOf(Date.now()), use));
    void this.send();
  }

  /** Resolves when what is counted has gone to Redis, or Redis does not answer in time. */
  async close(): Promise<void> {
    await Promise.race([this.send(), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  private send(): Promise<void> {
    return (this.sending ??= this.sendAll().finally(() => (this.sending = undefined)));
  }

  /** One batch at a time; what is counted meanwhile becomes the next. */
  private async sendAll(): Promise<void> {
    while (this.waiting.size > 0 && this.redis.status === 'ready') {
      this.leaving = [...this.waiting.values()];
      this.waiting.clear();
      try {
        await this.store.add(this.leaving);
      } catch (error) {
        this.wait(this.leaving);
        this.logger.warn({ err: error }, 'usage not counted in Redis yet');
        return;
      } finally {
        this.leaving = [];
      }
    }
  }

  private wait(increments: readonly Increment[]): void {
    for (const increment of increments) {
      const key = [increment.tenant, increment.day, increment.field].join('\n');
      const by = increment.by + (this.waiting.get(key)?.by ?? 0);
      if (this.waiting.size < MAX_WAITING || this.waiting.has(key)) this.waiting.set(key, { ...increment, by });
    }
  }
}
