import { Redis } from 'ioredis';

/** `patient`: commands wait out an outage (workers, readers). `brisk`: they fail within seconds (a caller is waiting). */
export type RedisTemper = 'patient' | 'brisk';

const BRISK_COMMAND_TIMEOUT_MS = 4000;

const reconnectDelayMs = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 6), 2000);

/** A connection that reconnects for ever. Without ioredis's auto-pipelining, which costs more than it saves: it copies every script into every pipeline. */
export function createRedis(url: string, temper: RedisTemper = 'patient'): Redis {
  const redis = new Redis(url, {
    retryStrategy: reconnectDelayMs,
    ...(temper === 'patient' ? { maxRetriesPerRequest: null } : { maxRetriesPerRequest: 2, commandTimeout: BRISK_COMMAND_TIMEOUT_MS }),
  });
  redis.on('error', () => undefined); // each command reports its own failure; unheard, this event would end the process
  return redis;
}

/** For a connection that only subscribes: its owner re-subscribes and replays by itself after an outage. */
export function createSubscriber(redis: Redis): Redis {
  const subscriber = redis.duplicate({ autoResubscribe: false, maxRetriesPerRequest: null, commandTimeout: undefined });
  subscriber.on('error', () => undefined);
  return subscriber;
}
