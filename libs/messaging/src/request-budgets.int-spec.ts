import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { createRedis, RequestBudgets } from './index.js';

let server: RedisFixture;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** As if so much time had passed since. */
const age = (tenant: string, ms: number) => redis.hincrby(`codex-mcp:request-budget:${tenant}`, 'atMs', -ms);

it('is a minute’s worth, which all who take it share and which comes back with time', async () => {
  const budgets = new RequestBudgets(redis);
  const take = (wanted: number, needed = wanted) => budgets.take('one', 600, { wanted, needed });
  const both = await Promise.all(Array.from({ length: 7 }, () => new RequestBudgets(redis).take('one', 600, { wanted: 100, needed: 100 })));
  const granted = both.reduce((sum, each) => sum + each.granted, 0);
  expect(granted).toBeGreaterThanOrEqual(600);
  expect(granted).toBeLessThan(700);
  await redis.hset('codex-mcp:request-budget:one', 'tokens', '0');
  const refused = await take(50_000, 100);
  expect(refused.waitMs).toBeGreaterThan(0);
  expect(refused.waitMs).toBeLessThanOrEqual(10_000);
  await redis.hset('codex-mcp:request-budget:one', 'tokens', '0');
  await age('one', 30_000);
  expect((await take(300)).granted).toBe(300);
  await age('one', 3_600_000);
  expect((await take(1000, 1)).granted).toBe(600);
});

it('is each tenant’s own', async () => {
  const budgets = new RequestBudgets(redis);
  expect((await budgets.take('a', 10, { wanted: 10, needed: 10 })).granted).toBe(10);
  expect((await budgets.take('b', 10, { wanted: 10, needed: 10 })).granted).toBe(10);
});
