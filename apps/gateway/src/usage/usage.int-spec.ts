import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dayOf } from '@codex-mcp/contracts';
import { createRedis, UsageStore } from '@codex-mcp/messaging';
import { eventually, type FakeModel, type RedisFixture, startFakeModel, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { type GatewayUnderTest, open, send, startGateway } from '../gateway.fixture.js';

let server: RedisFixture;
let redis: Redis;
let usage: UsageStore;
let directory: TemporaryDirectory;
let model: FakeModel;
let gateway: GatewayUnderTest;

beforeAll(async () => {
  server = await startRedis({ appendOnly: true });
  redis = createRedis(server.url);
  usage = new UsageStore(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

beforeEach(async () => {
  await redis.flushall();
  directory = await temporaryDirectory();
  model = await startFakeModel();
  gateway = await startGateway(join(directory.path, 'run'), { OPENAI_API_KEY: 'sk-a', OPENAI_BASE_URL: model.baseUrl, REDIS_URL: server.url });
});
afterEach(async () => {
  await gateway.stop();
  await model.close();
  await directory.remove();
});

/** A day may end while a test runs. */
const today = () => usage.read('local', [...new Set([dayOf(Date.now()), dayOf(Date.now() - 60_000)])]);
const body = (step: object, name = 'gpt-5.5') => JSON.stringify({ model: name, input: [{ role: 'user', content: [{ type: 'input_text', text: `<<fake ${JSON.stringify(step)}>>` }] }] });
const ask = async (agentId: string, step: object, name?: string) => send({ method: 'POST', path: '/v1/responses', socketPath: (await gateway.register(agentId)).socketPath }, body(step, name));
const request = { inputTokens: 1000, cachedTokens: 400, outputTokens: 50, reasoningTokens: 20 };
const counted = { requests: 1, estimated: 0, unpriced: 0, input: 1000, cached: 400, output: 50, reasoning: 20, costUsd: 0.0047 };

describe('what agents take of the model', () => {
  it('is counted by agent, model and day, with what it costs', async () => {
    await ask('a', { usage: request });
    await ask('a', { usage: request });
    await ask('b', { usage: request });
    await ask('b', { usage: request }, 'gpt-5.5-2026-04-23');
    await ask('b', { usage: request }, 'no-price');
    const twice = { requests: 2, estimated: 0, unpriced: 0, input: 2000, cached: 800, output: 100, reasoning: 40, costUsd: 0.0094 };
    await eventually(async () =>
      expect((await today()).toSorted((one, other) => `${one.agentId}${one.model}`.localeCompare(`${other.agentId}${other.model}`))).toMatchObject([
        { agentId: 'a', model: 'gpt-5.5', ...twice },
        { agentId: 'b', model: 'gpt-5.5', ...counted },
        { agentId: 'b', model: 'gpt-5.5-2026-04-23', ...counted },
        { agentId: 'b', model: 'no-price', ...counted, unpriced: 1, costUsd: 0 },
      ]),
    );
    const [row] = await today();
    const ttl = await redis.ttl(`codex-mcp:usage:${row?.day}:local`);
    expect(ttl).toBeGreaterThan(89 * 24 * 3600);
    expect(await usage.read('other', [row?.day ?? ''])).toEqual([]);
  });

  it('is in the log of each request, and in the metrics without an agent', async () => {
    await ask('a', { usage: request });
    const line = await eventually(() => gateway.lines().find((one) => one.includes('"op":"model_request"')) ?? '');
    expect(JSON.parse(line)).toMatchObject({ agentId: 'a', model: 'gpt-5.5', inputTokens: 1000, cachedTokens: 400, outputTokens: 50, reasoningTokens: 20, costUsd: 0.0047 });
    const metrics = await gateway.metrics();
    expect(metrics).toMatch(/codex_mcp_gateway_tokens_total\{model="gpt-5.5",kind="input",.*\} 1000/);
    expect(metrics).toMatch(/codex_mcp_gateway_cost_usd_total\{model="gpt-5.5",.*\} 0\.0047/);
    expect(metrics).not.toMatch(/agent=|agentId=/);
  });

  it('is in one audit entry for each request, with its end and without a content', async () => {
    await gateway.stop();
    const auditDir = join(directory.path, 'audit');
    gateway = await startGateway(join(directory.path, 'run'), { OPENAI_API_KEY: 'sk-a', OPENAI_BASE_URL: model.baseUrl, REDIS_URL: server.url, AUDIT_DIR: auditDir, GATEWAY_MAX_BODY: '2k' });
    await ask('a', { usage: request, text: 'content-canary' });
    await ask('b', { status: 400, error: { message: 'content-canary' } });
    expect((await ask('b', { text: 'x'.repeat(2048) })).status).toBe(400);
    await gateway.stop();
    const lines = ['gateway.jsonl', 'gateway-refusals.jsonl'].flatMap((file) => readFileSync(join(auditDir, file), 'utf8').split('\n').filter((line) => line.includes('"model.')));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { action: 'model.request', outcome: 'ok', tenant: 'local', agentId: 'a', detail: { status: 200, end: 'completed', attempts: 1, durationMs: expect.any(Number), model: 'gpt-5.5', inputTokens: 1000, cachedTokens: 400, outputTokens: 50, reasoningTokens: 20, costUsd: 0.0047 } },
      { action: 'model.request', outcome: 'failed', agentId: 'b', detail: { status: 400 } },
      { action: 'model.refused', outcome: 'refused', agentId: 'b', detail: { method: 'POST', path: '/v1/responses', code: 'codex_mcp_request_too_large' } },
    ]);
    expect(lines.join()).not.toContain('canary');
  });

  it('is what is known of an answer that breaks off', async () => {
    await expect(ask('a', { text: 'abcdefgh', chunks: 8, disconnectAfter: 5 })).rejects.toThrow('aborted');
    await eventually(async () => expect(await today()).toMatchObject([{ agentId: 'a', model: 'gpt-5.5', requests: 1, estimated: 1, input: expect.any(Number), output: 5 }]));
    expect((await today())[0]?.input).toBeGreaterThan(0);
  });

  it('is counted also where the agent leaves before the tokens are told', async () => {
    const { socketPath } = await gateway.register('a');
    const { stream } = await open({ method: 'POST', path: '/v1/responses', socketPath }, body({ text: 'abcd', chunks: 4, hang: true }));
    await once(stream, 'data');
    await eventually(() => model.inFlight() === 1);
    stream.destroy();
    await eventually(async () => expect(await today()).toMatchObject([{ requests: 1, estimated: 1 }]));
  });

  it('is nothing where the model’s service refuses, and for its list of models', async () => {
    await ask('a', { status: 400 });
    await ask('a', { failed: { code: 'invalid_prompt' } });
    const { socketPath } = await gateway.register('a');
    await send({ path: '/v1/models', socketPath });
    await ask('a', { usage: request });
    await eventually(async () => expect(await today()).toMatchObject([counted]));
  });

  it('is asked for in a form that can be read, whatever encodings the agent takes', async () => {
    const { socketPath } = await gateway.register('a');
    await send({ method: 'POST', path: '/v1/responses', socketPath, headers: { 'accept-encoding': 'gzip, br' } }, body({}));
    expect(model.responsesRequests()[0]?.headers['accept-encoding']).toBeUndefined();
  });

  it('is kept while Redis is away, and is there when it is back', async () => {
    await ask('a', { usage: request });
    await eventually(async () => expect(await today()).toMatchObject([counted]));
    await server.kill('SIGTERM');
    await eventually(() => gateway.lines() && redis.status !== 'ready');
    for (const agent of ['a', 'a', 'b']) expect((await ask(agent, { usage: request })).status).toBe(200);
    await server.restart();
    await eventually(async () => expect((await today()).map(({ agentId, requests, input }) => ({ agentId, requests, input })).toSorted((one, other) => one.agentId.localeCompare(other.agentId))).toEqual([{ agentId: 'a', requests: 3, input: 3000 }, { agentId: 'b', requests: 1, input: 1000 }]));
  });

  it('is counted of answers that end while the gateway stops', async () => {
    const { socketPath } = await gateway.register('a');
    const { stream } = await open({ method: 'POST', path: '/v1/responses', socketPath }, body({ text: 'abcdef', chunks: 6, delayMs: 100, usage: request }));
    await once(stream, 'data');
    const [read] = await Promise.all([text(stream), gateway.stop()]);
    expect(read).toContain('response.completed');
    expect(await today()).toMatchObject([counted]);
  });
});
