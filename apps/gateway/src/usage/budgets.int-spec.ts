import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dayOf } from '@codex-mcp/contracts';
import { createRedis, incrementsOf, readHeartbeats, UsageStore } from '@codex-mcp/messaging';
import { eventually, type FakeModel, type RedisFixture, startFakeModel, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { gatewayConfig, type GatewayUnderTest, recordingLogger, send, startGateway } from '../gateway.fixture.js';
import { UsageService } from './usage.service.js';

let server: RedisFixture;
let redis: Redis;
let directory: TemporaryDirectory;
let model: FakeModel;
let gateway: GatewayUnderTest;

beforeAll(async () => {
  server = await startRedis({ appendOnly: true });
  redis = createRedis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  directory = await temporaryDirectory();
  model = await startFakeModel();
});
afterEach(async () => {
  await gateway.stop();
  await model.close();
  await directory.remove();
});

const start = async (env: Record<string, string>) => {
  gateway = await startGateway(join(directory.path, 'run'), { OPENAI_API_KEY: 'sk-a', OPENAI_BASE_URL: model.baseUrl, REDIS_URL: server.url, ...env });
};
/** 100 tokens of input and 10 of output, which cost $0.0008. */
const ask = async (agentId: string) => {
  const input = [{ role: 'user', content: [{ type: 'input_text', text: 'hi' }] }];
  const { status, body } = await send({ method: 'POST', path: '/v1/responses', socketPath: (await gateway.register(agentId)).socketPath }, JSON.stringify({ model: 'gpt-5.5', input }));
  return { status, ...(status === 400 && (JSON.parse(body) as { error: { code: string; message: string } }).error) };
};
const refused = (...words: string[]) => ({ status: 400, type: 'invalid_request_error', code: 'codex_mcp_budget_spent', param: null, message: expect.stringMatching(words.join('.*')) });

describe('a budget', () => {
  it('stops the agent that has spent it, and no other, before the model is asked', async () => {
    await start({ BUDGET_AGENT_TOKENS: '200' });
    for (const agent of ['a', 'a', 'b']) expect(await ask(agent)).toEqual({ status: 200 });
    expect(await ask('a')).toEqual(refused('"a" is spent: 220 tokens of 200 tokens', 'BUDGET_AGENT_TOKENS', 'T00:00:00Z'));
    expect(await ask('b')).toEqual({ status: 200 });
    expect(model.responsesRequests()).toHaveLength(4);
    const { socketPath } = await gateway.register('a');
    expect((await send({ path: '/v1/models', socketPath })).status).toBe(404); // the model's own answer
  });

  it('in dollars stops all agents of its tenant, whichever gateway they spent it at', async () => {
    await start({ BUDGET_TENANT_USD: '0.002' });
    expect(await ask('a')).toEqual({ status: 200 });
    const tokens = { input: 1, cached: 0, cacheWrites: 0, output: 1, reasoning: 0 };
    const elsewhere = incrementsOf({ key: 'f'.repeat(32), tenant: 'local', agentId: 'elsewhere' }, dayOf(Date.now()), { model: 'm', tokens, costUsd: 0.001, isEstimated: false });
    await new UsageStore(redis).add(elsewhere);
    expect(await ask('b')).toEqual({ status: 200 });
    for (const agent of ['a', 'b', 'c']) expect(await ask(agent)).toEqual(refused('of all your agents together is spent: \\$0.0026 of \\$0.0020', 'BUDGET_TENANT_USD'));
  });

  it('stops an agent soon that asks without a pause, where it is spent at other gateways', async () => {
    await start({ BUDGET_TENANT_TOKENS: '1000000' });
    expect(await ask('a')).toEqual({ status: 200 });
    const tokens = { input: 1_000_000, cached: 0, cacheWrites: 0, output: 1, reasoning: 0 };
    await new UsageStore(redis).add(incrementsOf({ key: 'f'.repeat(32), tenant: 'local', agentId: 'elsewhere' }, dayOf(Date.now()), { model: 'm', tokens, costUsd: 1, isEstimated: false }));
    await eventually(async () => expect(await ask('a')).toEqual(refused('of all your agents together is spent', 'BUDGET_TENANT_TOKENS')));
  });

  it('in dollars is spent by models without a price as by the dearest, of which the log warns once', async () => {
    writeFileSync(join(directory.path, 'prices.json'), JSON.stringify({ cheap: { input: 1, cached_input: 1, output: 1 }, dear: { input: 20, cached_input: 1, output: 100 } }));
    await start({ BUDGET_TENANT_USD: '0.005', MODEL_PRICES_FILE: join(directory.path, 'prices.json') });
    // $0.003 each: 100 tokens of input, 10 of output.
    for (const agent of ['a', 'b']) expect(await ask(agent)).toEqual({ status: 200 });
    expect(await ask('c')).toEqual(refused('\\$0.0060 of \\$0.0050'));
    expect(gateway.lines().filter((line) => line.includes('model without a price'))).toHaveLength(1);
  });

  it('in dollars is nothing that could be kept without any price', async () => {
    await start({});
    writeFileSync(join(directory.path, 'prices.json'), '{}');
    const config = gatewayConfig({ BUDGET_AGENT_USD: '1', MODEL_PRICES_FILE: join(directory.path, 'prices.json') });
    expect(() => new UsageService(config, recordingLogger().logger, undefined as never, undefined as never, undefined as never)).toThrow(/MODEL_PRICES_FILE has no price/);
  });

  it('of an agent alone bounds no caller, which the log says at the start, and the refusal no way around it', async () => {
    const warnings = () => gateway.lines().filter((line) => line.includes('callers invent agent ids'));
    await start({ BUDGET_AGENT_TOKENS: '100', BUDGET_TENANT_TOKENS: '1000' });
    expect(warnings()).toEqual([]);
    await gateway.stop();
    await start({ BUDGET_AGENT_TOKENS: '100' });
    expect(warnings()).toHaveLength(1);
    expect(await ask('a')).toEqual({ status: 200 });
    expect(await ask('a')).toMatchObject({ message: expect.not.stringContaining('agent_id') });
  });

  it('is kept while Redis is away, with what was spent before and what is spent meanwhile', async () => {
    await start({ BUDGET_AGENT_TOKENS: '300' });
    expect(await ask('a')).toEqual({ status: 200 });
    expect(await ask('a')).toEqual({ status: 200 });
    await server.kill();
    await eventually(async () => expect((await gateway.health()).redis).toBe('away'));
    expect(await ask('a')).toEqual({ status: 200 });
    expect(await ask('a')).toEqual(refused('330 tokens of 300'));
    for (let round = 0; round < 3; round++) expect(await ask('b')).toEqual({ status: 200 });
    expect(await ask('b')).toEqual(refused('330 tokens of 300'));
    await server.restart();
    await eventually(async () => expect((await gateway.health()).redis).toBe('connected'));
    await eventually(async () => expect(await ask('b')).toEqual(refused('330 tokens of 300')));
  });

  it('does not wait for a Redis that is silent', async () => {
    await start({ BUDGET_AGENT_TOKENS: '300' });
    expect(await ask('a')).toEqual({ status: 200 });
    await server.kill('SIGSTOP');
    try {
      expect(await ask('a')).toEqual({ status: 200 });
    } finally {
      await server.kill('SIGCONT');
    }
  });

  it('is told to the others, and none where there is none', async () => {
    const told = async () => (await readHeartbeats(redis)).map((beat) => beat.service === 'gateway' && beat.budgets);
    await start({ BUDGET_AGENT_TOKENS: '300', BUDGET_TENANT_USD: '1.5', BUDGET_TENANT_TOKENS: '0' });
    await eventually(async () => expect(await told()).toEqual([{ agentTokens: 300, tenantUsd: 1.5 }]));
    await gateway.stop();
    await start({});
    await eventually(async () => expect(await told()).toEqual([undefined]));
  });
});
