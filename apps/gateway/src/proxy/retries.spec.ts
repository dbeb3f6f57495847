import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ModelWait } from '@codex-mcp/contracts';
import { createRedis, createSubscriber, ModelWaits } from '@codex-mcp/messaging';
import { eventually, type FakeModel, freePort, type RedisFixture, startFakeModel, startRedis, type Step, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { type GatewayUnderTest, open, send, startGateway, startUpstream } from '../gateway.fixture.js';
import { REPLAY_LIMITS } from './replay-budget.js';

const POST = { method: 'POST', path: '/v1/responses' };
const FINE = 'data: fine\n\n';

// Waiting is what it is about.
jest.setTimeout(60_000);

let redisServer: RedisFixture;
let redis: Redis;
let subscriber: Redis;
let waits: ModelWait[];
let directory: TemporaryDirectory;
let model: FakeModel;
let gateway: GatewayUnderTest;
let agent: Awaited<ReturnType<GatewayUnderTest['register']>>;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
  subscriber = createSubscriber(redis);
  await new ModelWaits(subscriber).listen((wait) => waits.push(wait));
});
afterAll(async () => {
  subscriber.disconnect();
  redis.disconnect();
  await redisServer.stop();
});
beforeEach(async () => {
  waits = [];
  directory = await temporaryDirectory();
  model = await startFakeModel();
});
afterEach(async () => {
  await gateway.stop();
  await model.close();
  await directory.remove();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  gateway = await startGateway(join(directory.path, 'run'), { OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: model.baseUrl, REDIS_URL: redisServer.url, ...env });
  agent = await gateway.register('a');
  await eventually(async () => expect(await redis.exists('codex-mcp:beats')).toBe(1));
}

const bodyFor = (step: Step) => JSON.stringify({ model: 'gpt-5.5', input: `say it <<fake ${JSON.stringify({ text: 'all good', ...step })}>>` });
const ask = (step: Step) => send({ ...POST, socketPath: agent.socketPath }, bodyFor(step));
const requests = () => model.responsesRequests();
const endOf = () => eventually(() => gateway.lines().map((line) => JSON.parse(line)).find(({ op, end }) => op === 'model_request' && end !== undefined) ?? null);

const ends = (how: string) => gateway.lines().map((line) => JSON.parse(line)).filter(({ op, end }) => op === 'model_request' && end === how);

describe('a request that the model’s service refuses for the moment', () => {
  it.each<[string, Step, ModelWait['trouble']]>([
    ['a rate limit', { status: 429, error: { code: 'rate_limit_exceeded', message: 'slow' } }, 'rate_limited'],
    ['a rate limit without words', { status: 429 }, 'rate_limited'],
    ['overload', { status: 503 }, 'overloaded'],
    ['overload with a status of its own', { status: 529 }, 'overloaded'],
    ['a request to slow down', { status: 503, error: { code: 'slow_down' } }, 'rate_limited'],
    ['an error of its own', { status: 500 }, 'failing'],
    ['a bad gateway', { status: 502 }, 'failing'],
    ['a gateway’s timeout', { status: 504 }, 'failing'],
    ['no answer at all', { disconnectAfter: 0 }, 'unreachable'],
    ['overload in a stream that begins with it', { failed: { code: 'server_is_overloaded', message: 'busy' } }, 'overloaded'],
    ['a rate limit in a stream that begins with it', { failed: { code: 'rate_limit_exceeded', message: 'Please try again in 20ms.' } }, 'rate_limited'],
  ])('is sent again by the gateway: %s', async (_, step, trouble) => {
    await start();
    const { status, body } = await ask({ ...step, times: 2 });
    expect({ status, text: body.includes('all good'), failed: body.includes('response.failed') }).toEqual({ status: 200, text: true, failed: false });
    expect(requests().map((request) => request.body)).toEqual(Array.from({ length: 3 }, () => JSON.parse(bodyFor({ ...step, times: 2 }))));
    await eventually(() => expect(waits).toHaveLength(2));
    expect(waits).toEqual([2, 3].map((attempt) => ({ agentKey: agent.key, trouble, retryInMs: expect.any(Number), attempt })));
    expect(body.match(/event: response.created/g)).toHaveLength(1);
    expect(await endOf()).toMatchObject({ status: 200, end: 'completed', attempts: 3 });
  });

  it('is not sent before the time that Retry-After gives in seconds', async () => {
    await start();
    const { status } = await ask({ status: 429, headers: { 'retry-after': '1' }, times: 1 });
    const [first, second] = requests();
    expect(status).toBe(200);
    await eventually(() => expect(waits[0]?.retryInMs).toBeGreaterThanOrEqual(1000));
    expect((second?.at ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThanOrEqual(950);
  });

  it('waits until the date that Retry-After gives', async () => {
    await start();
    const leave = new AbortController();
    const retryAfter = new Date(Date.now() + 600_000).toUTCString();
    const sent = expect(open({ ...POST, socketPath: agent.socketPath, signal: leave.signal }, bodyFor({ status: 429, headers: { 'retry-after': retryAfter } }))).rejects.toThrow('aborted');
    await eventually(() => expect(waits).toHaveLength(1));
    // Far from what it would wait without the date, 0.5 s, however long the request took.
    expect(waits[0]?.retryInMs).toBeGreaterThan(300_000);
    expect(waits[0]?.retryInMs).toBeLessThanOrEqual(601_000);
    leave.abort();
    await sent;
  });

  it('is sent again when somebody answers at its address', async () => {
    const port = await freePort();
    await start({ OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` });
    const answer = send({ ...POST, socketPath: agent.socketPath }, bodyFor({}));
    await eventually(() => expect(waits).toContainEqual(expect.objectContaining({ trouble: 'unreachable', attempt: 2 })));
    const late = await startFakeModel({ port });
    expect(await answer).toMatchObject({ status: 200, body: expect.stringContaining('all good') });
    await late.close();
  });

  it('is sent again with the sign-in of then', async () => {
    const file = join(directory.path, 'auth.json');
    const signIn = (key: string) => writeFileSync(file, JSON.stringify({ auth_mode: 'apikey', OPENAI_API_KEY: key }), { mode: 0o600 });
    signIn('sk-before');
    const upstream = await startUpstream((request, response) => {
      const isNew = request.headers.authorization === 'Bearer sk-after';
      request.resume().on('end', () => response.writeHead(isNew ? 200 : 429).end(isNew ? 'fine' : 'busy'));
    });
    await start({ OPENAI_API_KEY: '', OAUTH_TOKEN_STORAGE_PATH: file, OPENAI_BASE_URL: upstream.url });
    const answer = send({ ...POST, socketPath: agent.socketPath }, '{}');
    await eventually(() => expect(waits).not.toEqual([]));
    signIn('sk-after');
    expect(await answer).toMatchObject({ status: 200, body: 'fine' });
    upstream.close();
  });

  it('is dropped when the agent leaves while it waits', async () => {
    await start();
    const leave = new AbortController();
    const sent = open({ ...POST, socketPath: agent.socketPath, signal: leave.signal }, bodyFor({ status: 429, headers: { 'retry-after': '600' }, times: 1 }));
    await eventually(() => expect(waits).toHaveLength(1));
    leave.abort();
    await expect(sent).rejects.toThrow('aborted');
    expect(await endOf()).toMatchObject({ end: 'agent_gone', attempts: 1 });
    expect(requests()).toHaveLength(1);
  });

  it('is answered with a last word when it has been sent often enough', async () => {
    await start({ MODEL_RETRY_MAX: '1' });
    const { status, body } = await ask({ status: 500, error: { message: 'boom' } });
    expect({ status, error: JSON.parse(body).error }).toEqual({ status: 400, error: { code: 'codex_mcp_upstream_failed', type: 'server_error', param: null, message: expect.stringMatching(/HTTP 500: boom.*Tried 2 times/) } });
    expect(requests()).toHaveLength(2);
  });

  it('is answered with a last word inside a stream that had begun', async () => {
    let count = 0;
    const created = 'event: response.created\ndata: {"type":"response.created"}\n\n';
    const upstream = await startUpstream((_request, response) => {
      count += 1;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(created, () => response.destroy());
    });
    await start({ OPENAI_BASE_URL: upstream.url, MODEL_RETRY_MAX: '1' });
    const { status, body } = await send({ ...POST, socketPath: agent.socketPath }, '{}');
    const [event, data] = body.trim().split('\n');
    const { code, message } = JSON.parse(data?.replace('data: ', '') ?? '').response.error;
    expect({ status, event, code, error: JSON.parse(message).error }).toMatchObject({ status: 200, event: 'event: response.failed', code: 'invalid_prompt', error: { code: 'codex_mcp_upstream_unreachable', message: expect.stringContaining('Tried 2 times') } });
    expect(count).toBe(2);
    upstream.close();
  });

  it('is counted', async () => {
    await start({ OPS_PORT: String(await freePort()) });
    await ask({ status: 503, times: 1 });
    const { opsPort } = JSON.parse(gateway.lines().find((line) => line.includes('gateway started')) ?? '{}');
    expect(await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text()).toMatch(/^codex_mcp_gateway_retries_total\{trouble="overloaded".*\} 1$/m);
  });
});

describe('what is not sent again', () => {
  it.each<[string, Step, number]>([
    ['an empty account', { status: 429, error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'pay' } }, 429],
    ['a used up plan', { status: 429, headers: { 'retry-after': '1' }, error: { type: 'usage_limit_reached', message: 'used up' } }, 429],
    ['a plan without Codex', { status: 429, error: { type: 'usage_not_included', message: 'no plan' } }, 429],
    ['refused credentials', { status: 401 }, 401],
    ['a wrong request', { status: 400 }, 400],
    ['a stream that fails for good', { failed: { code: 'context_length_exceeded', message: 'too long' } }, 200],
    ['a stream that has begun', { text: 'some words', disconnectAfter: 1 }, 200],
  ])('%s', async (_, step, status) => {
    await start();
    const { stream, ...head } = await open({ ...POST, socketPath: agent.socketPath }, bodyFor(step));
    const body = await text(stream).catch(() => 'broken off');
    expect(head.status).toBe(status);
    expect(body).toContain(step.error?.type ?? (step.failed ? 'response.failed' : step.disconnectAfter ? 'broken off' : 'fake error'));
    expect(requests()).toHaveLength(1);
    expect(waits).toEqual([]);
  });

  it('a request too large to be kept; Codex decides', async () => {
    let count = 0;
    const upstream = await startUpstream((request, response) => {
      count += 1;
      request.resume().on('end', () => response.writeHead(503).end('busy'));
    });
    await start({ OPENAI_BASE_URL: upstream.url });
    const large = await send({ ...POST, socketPath: agent.socketPath }, 'x'.repeat(REPLAY_LIMITS.requestBytes + 1));
    expect({ large, count }).toMatchObject({ large: { status: 503, body: 'busy' }, count: 1 });
    upstream.close();
  });

  it('what one agent has sent beyond its share of the memory; other agents are not concerned', async () => {
    const upstream = await startUpstream((request, response) => request.resume().on('end', () => response.writeHead(429, { 'retry-after': '600' }).end('busy')));
    await start({ OPENAI_BASE_URL: upstream.url });
    const leave = new AbortController();
    const large = 'x'.repeat(REPLAY_LIMITS.requestBytes);
    const gone = Array.from({ length: REPLAY_LIMITS.agentBytes / large.length }, () => expect(open({ ...POST, socketPath: agent.socketPath, signal: leave.signal }, large)).rejects.toThrow('aborted'));
    await eventually(() => expect(waits).toHaveLength(gone.length), { timeoutMs: 40_000 });
    expect(await send({ ...POST, socketPath: agent.socketPath }, 'x')).toMatchObject({ status: 429, body: 'busy' });
    const other = await gateway.register('b');
    gone.push(expect(open({ ...POST, socketPath: other.socketPath, signal: leave.signal }, large)).rejects.toThrow('aborted'));
    await eventually(() => expect(waits.at(-1)).toMatchObject({ agentKey: other.key }));
    leave.abort();
    await Promise.all(gone);
    await eventually(() => expect(ends('agent_gone')).toHaveLength(gone.length));
    const again = new AbortController();
    const kept = expect(open({ ...POST, socketPath: agent.socketPath, signal: again.signal }, large)).rejects.toThrow('aborted');
    await eventually(() => expect(waits).toHaveLength(gone.length + 1));
    again.abort();
    await kept;
    upstream.close();
  });
});

describe('a stream', () => {
  it('is not held up behind the events that open it', async () => {
    let respond: ((chunk: string) => void) | undefined;
    const upstream = await startUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      respond = (chunk) => response.write(chunk);
    });
    await start({ OPENAI_BASE_URL: upstream.url });
    const { status, stream } = await open({ ...POST, socketPath: agent.socketPath }, '{}');
    expect(status).toBe(200);
    respond?.('event: response.created\ndata: {}\n\nevent: response.output_text.delta\n');
    const [first] = await once(stream, 'data');
    expect(String(first)).toContain('response.created');
    respond?.(FINE);
    expect(String((await once(stream, 'data'))[0])).toBe(FINE);
    stream.destroy();
    upstream.close();
  });
});
