import { agentKey, DAY_MS, dayOf } from '@codex-mcp/contracts';
import { incrementsOf, UsageStore } from '@codex-mcp/messaging';
import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

let redisServer: RedisFixture;
let system: TestSystem;
let usage: UsageStore;

beforeAll(async () => {
  redisServer = await startRedis();
  system = await startTestSystem(redisServer, {}, ['anna', 'ben']);
  usage = new UsageStore(system.redis);
});
afterAll(() => system.stop());
beforeEach(async () => {
  const days = await system.redis.keys('codex-mcp:usage:*');
  if (days.length > 0) await system.redis.del(days);
});

/** One request with 100 tokens of input and 10 of output. */
async function used(tenant: string, agentId: string, { daysAgo = 0, model = 'gpt-5.5', isPriced = true, isEstimated = false } = {}): Promise<void> {
  const tokens = { input: 100, cached: 40, cacheWrites: 0, output: 10, reasoning: 4 };
  await usage.add(incrementsOf({ key: agentKey(tenant, agentId), tenant, agentId }, dayOf(Date.now() - daysAgo * DAY_MS), { model, tokens, costUsd: isPriced ? 0.5 : undefined, isEstimated }));
}

const report = async (token: string, args: object = {}) => {
  const { json } = await system.edge.call('/tools/get_usage', { method: 'POST', body: JSON.stringify(args), headers: { authorization: `Bearer ${token}` } });
  return json['structuredContent'] as { since: string; until: string; total: object; rows: { name: string }[] };
};
const sums = (requests: number) => ({ requests, input_tokens: 100 * requests, cached_input_tokens: 40 * requests, output_tokens: 10 * requests, reasoning_tokens: 4 * requests, cost_usd: 0.5 * requests });

describe('get_usage', () => {
  it('sums up what a tenant’s agents took, by day, agent or model, and nobody else’s', async () => {
    await used('anna', 'one');
    await used('anna', 'one', { daysAgo: 1 });
    await used('anna', 'two', { daysAgo: 1, model: 'gpt-6-sol' });
    await used('anna', 'old', { daysAgo: 10 });
    await used('ben', 'one');
    const [today, yesterday] = [dayOf(Date.now()), dayOf(Date.now() - DAY_MS)];
    expect(await report('anna')).toEqual({ since: dayOf(Date.now() - 6 * DAY_MS), until: today, total: sums(3), rows: [{ name: today, ...sums(1) }, { name: yesterday, ...sums(2) }] });
    expect(await report('anna', { by: 'agent', days: 30 })).toMatchObject({ total: sums(4), rows: [{ name: 'one', ...sums(2) }, { name: expect.any(String), ...sums(1) }, { ...sums(1) }] });
    expect((await report('anna', { by: 'model', agent_id: 'two' })).rows).toEqual([{ name: 'gpt-6-sol', ...sums(1) }]);
    expect((await report('ben', { by: 'agent' })).rows).toEqual([{ name: 'one', ...sums(1) }]);
    expect(await report('ben', { agent_id: 'two' })).toMatchObject({ total: { ...sums(0) }, rows: [] });
  });

  it('says how many requests are estimated, and how many have no price', async () => {
    await used('anna', 'one', { isEstimated: true });
    await used('anna', 'one', { isPriced: false });
    expect((await report('anna')).total).toEqual({ ...sums(2), cost_usd: 0.5, estimated_requests: 1, unpriced_requests: 1 });
  });
});
