import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** `patient`: commands wait out an outage (workers, readers). `brisk`: they fail within seconds (a caller is waiting). */
export type RedisTemper = 'patient' | 'brisk';

const BRISK_COMMAND_TIMEOUT_MS = 4000;

/**
 * A connection whose commands get no answer for that long is dead, whatever the kernel thinks of it: it is closed, and
 * what it was asked is asked again over a new one. Longer than BullMQ blocks (10 s).
 */
const SILENCE_MS = 15_000;
const PINGS_PER_SILENCE = 3;

const PING_TIMEOUT_MS = 2000;

const reconnectDelayMs = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), 2000);

/** A connection that reconnects for ever. Without ioredis's auto-pipelining, which costs more than it saves: it copies every script into every pipeline. */
export function createRedis(url: string, temper: RedisTemper = 'patient', silenceMs = SILENCE_MS): Redis {
  const redis = new Redis(url, {
    retryStrategy: reconnectDelayMs,
    socketTimeout: silenceMs,
    ...(temper === 'patient' ? { maxRetriesPerRequest: null } : { maxRetriesPerRequest: 2, commandTimeout: BRISK_COMMAND_TIMEOUT_MS }),
  });
  redis.on('error', () => undefined); // each command reports its own failure; unheard, this event would end the process
  return redis;
}

/** For a connection that only subscribes: its owner re-subscribes and replays by itself after an outage. Asks from time to time, as it would never notice its death by listening. */
export function createSubscriber(redis: Redis): Redis {
  const subscriber = redis.duplicate({ autoResubscribe: false, maxRetriesPerRequest: null, commandTimeout: undefined });
  subscriber.on('error', () => undefined);
  const pings = setInterval(() => subscriber.status === 'ready' && void subscriber.ping().catch(() => undefined), (redis.options.socketTimeout ?? SILENCE_MS) / PINGS_PER_SILENCE);
  subscriber.on('end', () => clearInterval(pings));
  pings.unref();
  return subscriber;
}

/** The words of what a check rejected with; undefined where it did not. */
export const whyNot = (check: Promise<unknown>): Promise<string | undefined> => check.then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error)));

/** Rejects unless Redis answers over this connection within seconds. */
export async function redisAnswers(redis: Redis): Promise<void> {
  const late = new AbortController();
  const limit = delay(PING_TIMEOUT_MS, undefined, { signal: late.signal }).then(() => Promise.reject(new Error('Redis does not answer this process.')));
  await Promise.race([redis.ping(), limit]).finally(() => late.abort());
}
