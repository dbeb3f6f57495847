import type { Redis } from 'ioredis';
import { z } from 'zod';
import { keys } from './keys.js';
import { LuaScript } from './lua-script.js';

/**
 * A token bucket by the clock of Redis, which holds a minute's worth.
 * KEYS bucket. ARGV tokens a minute, wanted, needed. → [granted, ms until what is needed beyond that is there]
 */
const takeTokens = new LuaScript(`
local capacity = tonumber(ARGV[1])
local perMs = capacity / 60000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stored = redis.call('HMGET', KEYS[1], 'tokens', 'atMs')
local passed = math.max(0, now - (tonumber(stored[2]) or now))
local tokens = math.min(capacity, (tonumber(stored[1]) or capacity) + passed * perMs)
local granted = math.max(0, math.min(tonumber(ARGV[2]), math.floor(tokens)))
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - granted), 'atMs', now)
redis.call('PEXPIRE', KEYS[1], 60000)
return {granted, math.max(0, math.ceil((tonumber(ARGV[3]) - tokens) / perMs))}`);

const Taken = z.tuple([z.number(), z.number()]);

/** What tenants may still ask for, at all edges together. */
export class RequestBudgets {
  constructor(private readonly redis: Redis) {}

  /** Takes up to `wanted` requests of a tenant that may have `perMinute`; `waitMs`: until `needed` could have been had. */
  async take(tenant: string, perMinute: number, { wanted, needed }: { wanted: number; needed: number }): Promise<{ granted: number; waitMs: number }> {
    const [granted, waitMs] = Taken.parse(await takeTokens.run(this.redis, [keys.requestBudget(tenant)], [perMinute, wanted, needed]));
    return { granted, waitMs };
  }
}
