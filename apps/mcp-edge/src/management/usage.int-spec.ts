import { agentKey, type Budgets, DAY_MS, dayOf } from '@codex-mcp/contracts';
import { incrementsOf, UsageStore } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { beat } from '../testing/stand-ins.fixture.js';
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

/** While `work` runs, and the edge has noticed, the gateway says that it keeps these budgets. */
async function withBudgets(budgets: Budgets, work: () => Promise<void>): Promise<void> {
  await system.beats.stop();
  system.beats = await beat(system.redis, { gateway: { budgets } });
  try {
    await eventually(async () => expect((await report('anna')).budgets?.map(({ limit }) => limit)).toEqual(Object.values(budgets)));
    await work();
  } finally {
    await system.beats.stop();
    system.beats = await beat(system.redis);
  }
}

const report = async (token: string, args: object = {}) => {
  const { json } = await system.edge.call('/tools/get_usage', { method: 'POST', body: JSON.stringify(args), headers: { authorization: `Bearer ${token}` } });
  return json['structuredContent'] as { since: string; until: string; total: object; rows: { name: string }[]; budgets?: { limit: number }[] };
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

  it('tells the budgets that gateways keep, and what of them is spent', async () => {
    await used('anna', 'one');
    await used('anna', 'two');
    await withBudgets({ agentTokens: 1000, tenantUsd: 5 }, async () => {
      expect(await report('anna', { agent_id: 'one', days: 1 })).toMatchObject({
        budgets: [
          { scope: 'agent', unit: 'tokens', limit: 1000, spent: 110 },
          { scope: 'tenant', unit: 'usd', limit: 5, spent: 1 },
        ],
        budgets_reset_at: `${dayOf(Date.now() + DAY_MS)}T00:00:00Z`,
      });
    });
    await eventually(async () => expect(await report('anna')).not.toHaveProperty('budgets'));
  });

  it('says how many requests are estimated, and how many have no price', async () => {
    await used('anna', 'one', { isEstimated: true });
    await used('anna', 'one', { isPriced: false });
    expect((await report('anna')).total).toEqual({ ...sums(2), cost_usd: 0.5, estimated_requests: 1, unpriced_requests: 1 });
  });
});

describe('a turn', () => {
  const post = (tool: string, args: object, headers: Record<string, string> = {}) => system.edge.call(`/tools/${tool}`, { method: 'POST', body: JSON.stringify(args), headers: { authorization: 'Bearer anna', ...headers } });
  const chat = (agentId: string, headers?: Record<string, string>) => post('chat', { message: 'hi', agent_id: agentId }, headers);

  it('is refused before it is queued where a budget is spent, but for one that is known by its key', async () => {
    const key = { 'idempotency-key': 'known' };
    await eventually(async () => expect((await chat('one', key)).status).toBe(200));
    await used('anna', 'one');
    await withBudgets({ agentTokens: 110 }, async () => {
      const { seen } = system.worker;
      const before = seen.length;
      const { status, json } = await chat('one');
      expect({ status, ...json }).toMatchObject({ status: 429, code: 'budget_exceeded', retryable: false });
      for (const said of ['"one"', '110 tokens of 110 tokens', 'BUDGET_AGENT_TOKENS', `${dayOf(Date.now() + DAY_MS)}T00:00:00Z`]) expect(json['detail']).toContain(said);
      expect((await chat('one', key)).status).toBe(200);
      expect((await chat('one', { 'idempotency-key': 'new' })).status).toBe(429);
      expect((await post('start', { tool: 'chat', arguments: { message: 'hi' }, agent_id: 'one' })).status).toBe(429);
      expect(seen).toHaveLength(before);
      expect((await chat('two')).status).toBe(200);
    });
  });

  it('is refused to all agents of a tenant whose budget is spent, and to no other’s', async () => {
    await used('anna', 'one');
    await withBudgets({ tenantUsd: 0.5 }, async () => {
      expect((await chat('two')).json).toMatchObject({ code: 'budget_exceeded', detail: expect.stringContaining('$0.5000 of $0.5000 (BUDGET_TENANT_USD)') });
      expect((await chat('two', { authorization: 'Bearer ben' })).status).toBe(200);
    });
  });
});
