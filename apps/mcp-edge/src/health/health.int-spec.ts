import { createRedis } from '@codex-mcp/messaging';
import { eventually, freePort, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { startTestEdge, type TestEdge } from '../testing/edge.fixture.js';
import { beat, SIGNED_OUT } from '../testing/stand-ins.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let redisServer: RedisFixture;
let redis: Redis;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

async function healthWith(changes: Parameters<typeof beat>[1]): Promise<{ status: number; json: Record<string, unknown> }> {
  const beats = await beat(redis, changes);
  const edge = await startTestEdge(redisServer.url);
  try {
    return await edge.call('/health');
  } finally {
    await edge.close();
    await beats.stop();
  }
}

describe('GET /health', () => {
  it('is ok when turns can run', async () => {
    const { status, json } = await healthWith({});
    expect({ status, json }).toEqual({
      status: 200,
      json: { status: 'ok', version: '1.2.3', uptime_seconds: expect.any(Number), checks: { redis: true, worker: true, supervisor: true, gateway: true, sign_in: 'api_key' }, problems: [] },
    });
  });

  it('is degraded, not down, when nobody is signed in', async () => {
    expect(await healthWith({ gateway: { signIn: SIGNED_OUT } })).toMatchObject({
      status: 200,
      json: { status: 'degraded', checks: { sign_in: 'none' }, problems: [expect.stringContaining('codex login')] },
    });
  });

  it('tells of a sign-in that is about to end while it works', async () => {
    expect(await healthWith({ gateway: { signIn: { method: 'chatgpt', problem: 'OpenAI has ended it.' } } })).toMatchObject({
      status: 200,
      json: { status: 'degraded', checks: { sign_in: 'chatgpt' }, problems: ['OpenAI has ended it.'] },
    });
  });

  it.each([
    ['worker', { worker: null }, /worker/],
    ['worker', { worker: { stalled: 'This process takes no jobs from "turns".' } }, /worker is alive but.*takes no jobs/],
    ['supervisor', { supervisor: { stalled: 'This process takes no jobs from "placements".' } }, /supervisor is alive but.*takes no jobs/],
    ['supervisor', { supervisor: null }, /supervisor/],
    ['supervisor', { supervisor: { problem: 'Docker does not answer.' } }, /Docker does not answer/],
    ['gateway', { gateway: null }, /gateway/],
  ])('is down without a working %s', async (name, changes, problem) => {
    expect(await healthWith(changes)).toMatchObject({
      status: 503,
      json: { status: 'unavailable', checks: { redis: true, [name]: false }, problems: [expect.stringMatching(problem)] },
    });
  });

  it('answers without Redis, from the start', async () => {
    const edge = await startTestEdge(`redis://127.0.0.1:${await freePort()}`);
    expect(await edge.call('/health')).toMatchObject({ status: 503, json: { status: 'unavailable', checks: { redis: false }, problems: [expect.stringContaining('REDIS_URL')] } });
    await edge.close();
  });
});

describe('a Redis that does not answer', () => {
  let edge: TestEdge;
  let beats: { stop(): Promise<void> };
  beforeAll(async () => {
    beats = await beat(redis);
    edge = await startTestEdge(redisServer.url);
  });
  afterAll(async () => {
    await edge.close();
    await beats.stop();
  });
  const chat = () => edge.call('/tools/chat', { method: 'POST', body: '{"message":"x"}' });

  it.each([['is frozen', 'SIGSTOP'], ['has died', 'SIGKILL']] as const)('is told to callers within seconds when it %s, and recovered from', async (_, signal) => {
    await eventually(async () => (await edge.call('/health')).status === 200);
    await redisServer.kill(signal);
    const outage = { status: 503, json: { code: 'service_unavailable', detail: expect.stringContaining('Redis'), retryable: true } };
    // Redis stays away meanwhile: an answer at all is what counts, and the test's own deadline is the limit.
    const answers = await Promise.all([chat(), edge.call('/tools/list_sessions'), edge.call('/tools/health_check')]);
    for (const answer of answers) expect(answer).toMatchObject(outage);
    await eventually(async () => expect(await edge.call('/health')).toMatchObject({ status: 503, json: { checks: { redis: false } } }));
    await (signal === 'SIGSTOP' ? redisServer.kill('SIGCONT') : redisServer.restart());
    await eventually(async () => (await edge.call('/health')).status === 200);
  }, 40_000);
});
