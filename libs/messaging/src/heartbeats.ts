import { setTimeout as delay } from 'node:timers/promises';
import { Heartbeat } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { keys } from './keys.js';

const INTERVAL_MS = 2000;
/** Missing three beats in a row is death. */
const LIFETIME_MS = 3 * INTERVAL_MS + 500;

const WITHDRAWAL_MS = 1000;

/** Says "alive" every two seconds, with what the others need to know of this process. */
export class HeartbeatPublisher {
  private timer: NodeJS.Timeout | undefined;
  private last: Heartbeat | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly describe: () => Heartbeat | Promise<Heartbeat>,
  ) {}

  /** Publishes at once, then regularly. The first beat's failure is the caller's; later ones mean an outage and pass. */
  async start(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beat().catch(() => undefined), INTERVAL_MS);
  }

  async beat(): Promise<void> {
    const beat = await this.describe();
    this.last = beat;
    const key = keys.beat(beat.service, beat.instance);
    await Promise.all([this.redis.set(key, JSON.stringify(beat), 'PX', LIFETIME_MS), this.redis.sadd(keys.beats, key)]);
  }

  /** Withdraws the beat, so that nobody waits for its lifetime to end. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    if (!this.last) return;
    const key = keys.beat(this.last.service, this.last.instance);
    const withdrawn = Promise.all([this.redis.del(key), this.redis.srem(keys.beats, key)]).catch(() => undefined);
    await Promise.race([withdrawn, delay(WITHDRAWAL_MS, undefined, { ref: false })]); // while Redis is away its commands wait for ever
  }
}

/** The beats of all living processes. */
export async function readHeartbeats(redis: Redis): Promise<Heartbeat[]> {
  const known = await redis.smembers(keys.beats);
  if (known.length === 0) return [];
  const values = await redis.mget(known);
  const gone = known.filter((_, index) => values[index] === null);
  if (gone.length > 0) await redis.srem(keys.beats, ...gone);
  return values.flatMap((value, index) => beatOf(known[index], value) ?? []);
}

/** Undefined for what is no beat of the process that its key names. */
function beatOf(key: string | undefined, value: string | null | undefined): Heartbeat | undefined {
  try {
    const { data } = Heartbeat.safeParse(JSON.parse(value ?? ''));
    return data && keys.beat(data.service, data.instance) === key ? data : undefined;
  } catch {
    return undefined;
  }
}
