import type { Redis } from 'ioredis';
import { queueKeys } from './keys.js';
import { createRedis } from './redis.js';

const LOOK_INTERVAL_MS = 1000;
/** Looks further apart prove nothing: this process, its machine or Redis stood still between them. */
const MAX_GAP_MS = 3 * LOOK_INTERVAL_MS;
const PATIENCE = 3;

/** One queue and what this process does for it. */
export type Consumer = {
  readonly queue: string;
  /** Whether one more job could be begun here. */
  hasRoom(): boolean;
  /** How many have been begun here so far. */
  begun(): number;
};

type Sight = { readonly head: string | undefined; readonly begun: number; readonly idleMs: number };

/**
 * Tells whether this process takes the jobs that wait for it. One job that stays the next of its queue although there
 * is room for it here proves that it does not; where another process takes jobs, the next one is soon another.
 * Looks over a connection of its own, as the others may be what is broken; whoever has to tell of it may use that one.
 */
export class ConsumptionWatch {
  readonly redis: Redis;
  private readonly sights = new Map<Consumer, Sight>();
  private timer: NodeJS.Timeout | undefined;
  private lookedAt = -Infinity;
  private isLooking = false;
  private report: (problem: string) => void = () => undefined;
  /** Resolves with the problem when it has lasted three times as long as it takes to be one. */
  readonly dead = new Promise<string>((resolve) => (this.report = resolve));

  constructor(
    redisUrl: string,
    private readonly consumers: readonly Consumer[],
    private readonly timeoutMs: number,
  ) {
    this.redis = createRedis(redisUrl);
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), LOOK_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.sights.clear();
  }

  close(): void {
    this.stop();
    this.redis.disconnect();
  }

  /** Which queue this process takes no jobs from; undefined while there is no proof of that. */
  get problem(): string | undefined {
    if (performance.now() - this.lookedAt > MAX_GAP_MS) return undefined;
    for (const [{ queue }, { idleMs }] of this.sights) {
      if (idleMs >= this.timeoutMs) return `This process takes no jobs from "${queue}": one has been waiting for ${Math.round(idleMs / 1000)} s although there is room for it.`;
    }
    return undefined;
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      const heads = await Promise.all(this.consumers.map((consumer) => this.head(consumer.queue)));
      const elapsedMs = performance.now() - this.lookedAt;
      this.lookedAt = performance.now();
      this.consumers.forEach((consumer, index) => this.compare(consumer, heads[index], elapsedMs));
    } catch {
      this.sights.clear(); // this process ends
    } finally {
      this.isLooking = false;
    }
    const { problem } = this;
    if (problem !== undefined && [...this.sights.values()].some(({ idleMs }) => idleMs >= PATIENCE * this.timeoutMs)) this.report(problem);
  }

  private compare(consumer: Consumer, head: string | undefined, elapsedMs: number): void {
    const before = this.sights.get(consumer);
    const begun = consumer.begun();
    const isStuck = head !== undefined && consumer.hasRoom() && before?.head === head && before.begun === begun && elapsedMs <= MAX_GAP_MS;
    this.sights.set(consumer, { head: consumer.hasRoom() ? head : undefined, begun, idleMs: isStuck ? before.idleMs + elapsedMs : 0 });
  }

  /** The job that is next; undefined where none waits, or none may be taken. */
  private async head(queue: string): Promise<string | undefined> {
    const { waiting, meta } = queueKeys(queue);
    const [head, isPaused] = await Promise.all([this.redis.lindex(waiting, -1), this.redis.hexists(meta, 'paused')]);
    return head === null || isPaused === 1 ? undefined : head;
  }
}
