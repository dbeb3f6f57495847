import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type AgentIdentity, dayOf, type ModelUse } from '@codex-mcp/contracts';
import { type Increment, incrementsOf, spentBy, spentIn, type SpentOfAgent, UsageStore } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import { Afterwork } from '../afterwork.js';
import { LOGGER, REDIS } from '../gateway.tokens.js';
import { DaySums, minus, plus } from './day-sums.js';

/** Counters that wait for Redis; far more than all agents of a host with all their models have. */
const MAX_WAITING = 20_000;

const CLOSE_TIMEOUT_MS = 1000;
/** A model request waits no longer for what counts towards its budget. */
const SPENT_TIMEOUT_MS = 500;
/** An answer takes longer, and counts when it is over: what others spend within this is no more than what is on its way. */
const KNOWN_MS = 2000;

/** Counts in Redis what agents take of the model. While Redis is away counters add up here, and go there when it is back. */
@Injectable()
export class UsageLedger {
  private readonly store: UsageStore;
  private waiting = new Map<string, Increment>();
  private sending: Promise<void> | undefined;
  private day = '';
  /** What was counted by this gateway. */
  private here = new DaySums();
  /** What Redis had besides, when it was asked last: of other gateways, and of this one before it was started. */
  private elsewhere = new DaySums();
  /** When that was, by agent. */
  private askedAt = new Map<string, number>();
  /** What has not become counters yet. */
  private counted: { agent: AgentIdentity; day: string; use: ModelUse }[] = [];

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Afterwork) private readonly afterwork: Afterwork,
  ) {
    this.store = new UsageStore(redis);
    redis.on('ready', () => void this.send());
  }

  count(agent: AgentIdentity, use: ModelUse): void {
    const day = this.today();
    this.here.set(agent, plus(this.here.of(agent), spentBy(use)));
    if (this.counted.push({ agent, day, use }) === 1) this.afterwork.later(() => void this.settle());
  }

  /**
   * What counts towards today's budgets: all that was counted here, and what Redis said within the last two seconds of other
   * gateways, else what it says now; while it does not answer, what it said last.
   */
  async spent(agent: AgentIdentity): Promise<SpentOfAgent> {
    const day = this.today();
    return this.knownForMs(agent) < KNOWN_MS ? plus(this.elsewhere.of(agent), this.here.of(agent)) : this.ask(agent, day);
  }

  /** Resolves when what is counted has gone to Redis, or Redis does not answer in time. */
  async close(): Promise<void> {
    this.takeCounted();
    await Promise.race([this.send(), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  /** Who has a budget asks again as a rule, so that Redis is asked already now and not only then. */
  private async settle(): Promise<void> {
    const agents = this.takeCounted();
    await this.send();
    const day = this.today();
    for (const agent of agents.values()) if (this.askedAt.has(agent.key) && this.knownForMs(agent) > KNOWN_MS / 2) void this.ask(agent, day);
  }

  private takeCounted(): Map<string, AgentIdentity> {
    const taken = this.counted.splice(0);
    for (const { agent, day, use } of taken) this.wait(incrementsOf(agent, day, use));
    return new Map(taken.map(({ agent }) => [agent.key, agent]));
  }

  private knownForMs({ key }: AgentIdentity): number {
    return performance.now() - (this.askedAt.get(key) ?? -Infinity);
  }

  private async ask(agent: AgentIdentity, day: string): Promise<SpentOfAgent> {
    this.takeCounted();
    // Commands of one connection are answered in order: what is on its way to Redis is in its answer.
    const waiting = spentIn([...this.waiting.values()], agent, day);
    const here = this.here.of(agent);
    const startedAt = performance.now();
    const stored = this.redis.status === 'ready' ? await this.stored(agent, day) : undefined;
    if (!stored) return plus(this.elsewhere.of(agent), this.here.of(agent));
    const spent = plus(stored, waiting);
    this.elsewhere.set(agent, minus(spent, here));
    this.askedAt.set(agent.key, startedAt);
    return spent;
  }

  private stored(agent: AgentIdentity, day: string): Promise<SpentOfAgent | undefined> {
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, SPENT_TIMEOUT_MS, undefined).unref();
      void this.store.spent(agent, day).catch(() => undefined).then(resolve).finally(() => clearTimeout(limit));
    });
  }

  /** Sums begin anew with each day. */
  private today(): string {
    const day = dayOf(Date.now());
    if (day !== this.day) [this.day, this.here, this.elsewhere, this.askedAt] = [day, new DaySums(), new DaySums(), new Map()];
    return day;
  }

  private send(): Promise<void> {
    return (this.sending ??= this.sendAll().finally(() => (this.sending = undefined)));
  }

  /** One batch at a time; what is counted meanwhile becomes the next. */
  private async sendAll(): Promise<void> {
    while (this.waiting.size > 0 && this.redis.status === 'ready') {
      const leaving = [...this.waiting.values()];
      this.waiting.clear();
      try {
        await this.store.add(leaving);
      } catch (error) {
        this.wait(leaving);
        this.logger.warn({ err: error }, 'usage not counted in Redis yet');
        return;
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
