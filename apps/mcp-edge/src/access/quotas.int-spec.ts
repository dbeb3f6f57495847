import { connect } from 'node:net';
import { createRedis } from '@codex-mcp/messaging';
import { createLogger, createMetrics } from '@codex-mcp/observability';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readEdgeConfig } from '../edge.config.js';
import { connectClient, type RawAnswer, type TestEdge } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';
import { RequestQuota } from './request-quota.service.js';

jest.setTimeout(30_000); // on a busy machine

let redisServer: RedisFixture;
let system: TestSystem;

beforeEach(async () => void (redisServer = await startRedis()));
afterEach(() => system.stop());
const start = async (env: Record<string, string>): Promise<TestEdge> => {
  system = await startTestSystem(redisServer, env, ['ada', 'bob']);
  return system.edge;
};
const as = (token: string) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' });
const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } };

describe('MAX_REQUESTS_PER_MINUTE', () => {
  const ROUTES = [['GET', '/tools'], ['POST', '/tools/chat'], ['GET', '/tools/health_check'], ['GET', '/jobs/x'], ['GET', '/jobs/x/events'], ['GET', '/approvals'], ['GET', '/sse'], ['POST', '/messages'], ['GET', '/mcp'], ['POST', '/mcp'], ['DELETE', '/mcp']] as const;
  const PER_MINUTE = 6;

  it('is a tenant’s at all edges together; whoever has had more is told when to come back', async () => {
    const edges = [await start({ MAX_REQUESTS_PER_MINUTE: String(PER_MINUTE) }), await system.replica()] as const;
    const beganMs = performance.now();
    const answers: RawAnswer[] = [];
    do answers.push(await edges[answers.length % 2 === 0 ? 0 : 1].call('/tools', { headers: as('ada') }));
    while (answers.at(-1)?.status === 200);
    const earnedMeanwhile = Math.ceil(((performance.now() - beganMs) / 60_000) * PER_MINUTE);
    const granted = answers.length - 1;
    expect(granted).toBeGreaterThanOrEqual(PER_MINUTE);
    expect(granted).toBeLessThanOrEqual(PER_MINUTE + earnedMeanwhile);
    const refused = answers.at(-1);
    expect(refused).toMatchObject({ status: 429, json: { code: 'too_many_requests', retryable: true, retry_after_s: expect.any(Number), detail: expect.stringContaining('6 requests a minute') } });
    expect(refused?.headers['retry-after']).toBe(String(refused?.json['retry_after_s']));
    expect(Number(refused?.headers['retry-after'])).toBeLessThanOrEqual(10);
    await system.redis.hset('codex-mcp:request-budget:ada', 'tokens', '-1000'); // however long the rest takes
    for (const edge of edges) await eventually(async () => (await edge.call('/tools', { headers: as('ada') })).status === 429, { timeoutMs: 20_000 });
    for (const [method, path] of ROUTES) expect({ method, path, status: (await edges[0].call(path, { method, headers: as('ada') })).status }).toEqual({ method, path, status: 429 });
    expect((await edges[1].call('/tools', { headers: as('bob') })).status).toBe(200);
    expect((await edges[0].call('/health')).status).toBe(200);
  });

  it('counts each message of a batch', async () => {
    const edge = await start({ MAX_REQUESTS_PER_MINUTE: '30' });
    const post = (body: object, session = {}) => edge.call('/mcp', { method: 'POST', headers: { ...as('ada'), ...session }, body: JSON.stringify(body) });
    const session = { 'mcp-session-id': String((await post(initialize)).headers['mcp-session-id']) };
    const batch = Array.from({ length: 60 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'ping' }));
    expect(await post(batch, session)).toMatchObject({ status: 429, json: { code: 'too_many_requests' }, headers: { 'retry-after': expect.any(String) } });
  });

  it('is not asked of Redis for each request', async () => {
    const edge = await start({ MAX_REQUESTS_PER_MINUTE: '60000' });
    await system.redis.config('RESETSTAT');
    for (let at = 0; at < 200; at++) expect((await edge.call('/tools', { headers: as('ada') })).status).toBe(200);
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await system.redis.info('commandstats'))?.[1] ?? '0';
    expect(Number(calls)).toBeLessThan(20);
  });
});

it('MAX_REQUESTS_PER_MINUTE refuses nobody while Redis does not let it count, and says so', async () => {
  await start({});
  await system.redis.acl('SETUSER', 'edge', 'on', '>password', '~codex-mcp:mcp:*', '+@all');
  const redis = createRedis(`redis://edge:password@127.0.0.1:${redisServer.port}`, 'brisk');
  const logged: string[] = [];
  const metrics = createMetrics('mcp-edge');
  const config = readEdgeConfig({ REDIS_URL: redisServer.url, MAX_REQUESTS_PER_MINUTE: '120' });
  const quota = new RequestQuota(redis, config, createLogger('mcp-edge', 'info', { write: (line: string) => logged.push(line) }), metrics);
  for (let at = 0; at < 200; at++) await quota.spend('ada');
  redis.disconnect();
  expect(logged.map((line) => JSON.parse(line) as unknown)).toEqual([expect.objectContaining({ event: 'quota_unchecked', reason: expect.stringContaining('NOPERM'), times: 1 })]);
  expect(Number(/^codex_mcp_quota_unchecked_total(?:\{.*\})? (\d+)$/m.exec(await metrics.metrics())?.[1])).toBeGreaterThan(10);
});

it('MAX_OPEN_REQUESTS is how many requests and streams a tenant has open at an edge', async () => {
  const edge = await start({ MAX_OPEN_REQUESTS: '2' });
  const open = async () => {
    const leaving = new AbortController();
    const { status } = await fetch(`${edge.url}/sse`, { headers: as('ada'), signal: leaving.signal });
    return { status, leave: () => leaving.abort() };
  };
  const [first, second] = [await open(), await open()];
  expect([first.status, second.status]).toEqual([200, 200]);
  expect(await edge.call('/tools', { headers: as('ada') })).toMatchObject({ status: 429, headers: { 'retry-after': '5' }, json: { code: 'too_many_requests', detail: expect.stringContaining('MAX_OPEN_REQUESTS') } });
  expect((await edge.call('/tools', { headers: as('bob') })).status).toBe(200);
  first.leave();
  await eventually(async () => (await edge.call('/tools', { headers: as('ada') })).status === 200);
  second.leave();
});

it('MAX_OPEN_REQUESTS lets go of pipelined requests with their connection', async () => {
  const edge = await start({ MAX_OPEN_REQUESTS: '2' });
  const open = (token: string) => `GET /sse HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const isFull = async () => (await edge.call('/tools', { headers: as('ada') })).status === 429;
  const connection = connect(edge.port, '127.0.0.1').setEncoding('utf8');
  connection.write(`${open('bob')}${open('ada')}${open('ada')}`); // the first is the only one that is sent
  await eventually(isFull);
  connection.destroy();
  await eventually(async () => !(await isFull()));
});

it('MAX_UNFINISHED_TURNS is how many turns of all its agents a tenant has in work', async () => {
  const edge = await start({ MAX_UNFINISHED_TURNS: '2' });
  const held = new HeldTurns(system.worker);
  const begin = (token: string, agent: string) => edge.call('/tools/chat', { method: 'POST', headers: { ...as(token), accept: 'application/json', prefer: 'respond-async' }, body: JSON.stringify({ message: 'x', agent_id: agent }) });
  expect([(await begin('ada', 'one')).status, (await begin('ada', 'two')).status]).toEqual([202, 202]);
  expect(await begin('ada', 'three')).toMatchObject({ status: 429, headers: { 'retry-after': '10' }, json: { code: 'queue_full', retryable: true, detail: expect.stringContaining('MAX_UNFINISHED_TURNS') } });
  const client = await connectClient(edge, 'http', { headers: { authorization: 'Bearer ada' } });
  const refused = await client.callTool({ name: 'chat', arguments: { message: 'x', agent_id: 'three' } });
  expect(refused).toMatchObject({ isError: true, _meta: { 'codex-mcp/error': { code: 'queue_full', retryable: true, retry_after_s: 10 } } });
  await client.close();
  expect((await begin('bob', 'one')).status).toBe(202);
  held.release();
  await eventually(async () => (await begin('ada', 'three')).status === 202);
});
