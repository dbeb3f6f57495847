import { QUEUE_PREFIX, TurnStore } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { listTools } from '@codex-mcp/tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { startTestEdge, type TestEdge } from '../testing/edge.fixture.js';
import { beat, echo, SIGNED_OUT, StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let system: TestSystem;
let redisServer: RedisFixture;
let redis: Redis;
let worker: StandInWorker;
let edge: TestEdge;

beforeAll(async () => {
  redisServer = await startRedis();
  system = await startTestSystem(redisServer);
  ({ redis, worker, edge } = system);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));

const post = (path: string, body: string, headers: Record<string, string> = {}) => edge.call(path, { method: 'POST', headers, body });

describe('POST /tools/:name', () => {
  it.each(['chat', 'codex_chat'])('calls %s with a JSON body, whatever its Content-Type', async (name) => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded', undefined]) {
      const answer = await post(`/tools/${name}`, '{"message":"hello","agent_id":"test_agent"}', type === undefined ? {} : { 'content-type': type });
      expect(answer.status).toBe(200);
      expect(answer.json).toMatchObject({
        structuredContent: { answer: 'echo: "hello"', agent_id: 'test_agent' },
        content: [{ type: 'text', text: expect.stringContaining('echo: "hello"') }],
        turn_id: worker.seen.at(-1)?.turnId,
      });
    }
  });

  it.each([
    ['X-Agent-Id', '/tools/chat?agent_id=from-query', { 'X-Agent-Id': 'from-header' }, 'from-header'],
    ['the query', '/tools/chat?agent_id=from-query', {}, 'from-query'],
    ['nothing', '/tools/chat', {}, 'default'],
  ])('takes the agent from %s where no argument names one', async (_, path, headers, expected) => {
    expect((await post(path, '{"message":"x"}', headers)).json).toMatchObject({ structuredContent: { agent_id: expected } });
  });

  it('carries the caller’s correlation id through to the turn, and makes one where it is missing or odd', async () => {
    const given = await post('/tools/chat', '{"message":"x"}', { 'X-Correlation-Id': 'build-4711-abc' });
    expect(given.headers['x-correlation-id']).toBe('build-4711-abc');
    expect(worker.seen[0]?.correlationId).toBe('build-4711-abc');
    const odd = await post('/tools/chat', '{"message":"x"}', { 'X-Correlation-Id': 'a b"c<script>' });
    expect(odd.headers['x-correlation-id']).toMatch(/^[0-9a-f]{16}$/);
    expect(worker.seen[1]?.correlationId).toBe(odd.headers['x-correlation-id']);
  });

  it('does not cancel the turn of a caller that hangs up', async () => {
    let release = () => {};
    worker.play = async (turn) => {
      await new Promise<void>((resolve) => (release = resolve));
      return echo(turn);
    };
    const hangUp = new AbortController();
    const call = fetch(`${edge.url}/tools/chat`, { method: 'POST', body: '{"message":"x"}', signal: hangUp.signal }).catch(() => 'hung up');
    await eventually(() => worker.seen.length === 1);
    hangUp.abort();
    expect(await call).toBe('hung up');
    worker.play = echo;
    await post('/tools/chat', '{"message":"y","agent_id":"another"}');
    release();
    await eventually(async () => (await new TurnStore(redis).load(worker.seen[0]?.turnId ?? ''))?.status === 'completed');
  });
});

describe('problems', () => {
  const problem = (status: number, code: string) => ({
    type: 'about:blank',
    title: expect.any(String),
    status,
    detail: expect.any(String),
    code,
    retryable: expect.any(Boolean),
    correlation_id: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
  const deep = `${'['.repeat(100)}${']'.repeat(100)}`;

  it.each([
    ['an unknown tool', '/tools/rm', '{}', 404, 'unknown_tool'],
    ['a tool of the prototype', '/tools/__proto__', '{}', 404, 'unknown_tool'],
    ['a broken escape', '/tools/%E0%A4%A', '{}', 400, 'bad_request'],
    ['a missing argument', '/tools/chat', '', 422, 'invalid_arguments'],
    ['an unknown argument', '/tools/chat', '{"message":"x","colour":"red"}', 422, 'invalid_arguments'],
    ['a list for arguments', '/tools/chat', '[1]', 422, 'invalid_arguments'],
    ['a bad agent_id', '/tools/chat', '{"message":"x","agent_id":"ÄÖ"}', 422, 'invalid_agent_id'],
    ['an agent_id whose lower case alone is one', '/tools/chat', '{"message":"x","agent_id":"\u212a"}', 422, 'invalid_agent_id'],
    ['a body that is not JSON', '/tools/chat', '{"message":', 400, 'malformed_json'],
    ['a body that nests too deep', '/tools/chat', `{"message":"x","context":${deep}}`, 400, 'malformed_json'],
    ['a body that breaks a recursive reader', '/tools/chat', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`, 400, 'malformed_json'],
    ['a body of too many values', '/tools/chat', `{"message":"x","context":[${Array(100_000).fill('[]').join(',')}]}`, 413, 'input_too_large'],
    ['a body above 4 MiB', '/tools/chat', `${' '.repeat(4 * 1024 * 1024)}{"message":"x"}`, 413, 'input_too_large'],
    ['too much text', '/tools/chat', JSON.stringify({ message: 'x'.repeat(1_100_000) }), 413, 'input_too_large'],
  ])('answers %s with a problem document', async (_, path, body, status, code) => {
    const answer = await post(path, body);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect({ status: answer.status, json: answer.json }).toEqual({ status, json: problem(status, code) });
    expect(answer.text).not.toMatch(/node_modules|at .*:\d+/);
    expect(worker.seen).toEqual([]);
  });

  it('gives the error that a turn ended with', async () => {
    worker.play = async () => ({ type: 'failed', error: { code: 'rate_limited', message: 'Slow down.', retryable: true, detail: 'limit 3/min' } });
    const answer = await post('/tools/chat', '{"message":"x"}');
    expect(answer.json).toEqual({ ...problem(429, 'rate_limited'), detail: 'Slow down.', retryable: true, material: 'limit 3/min', turn_id: worker.seen[0]?.turnId });
  });
});

describe('a request that cannot be queued', () => {
  it('is withdrawn: told as failed, it does not run later', async () => {
    await redis.rename(`${QUEUE_PREFIX}:turns:id`, 'aside');
    await redis.set(`${QUEUE_PREFIX}:turns:wait`, 'not a list');
    const answer = await post('/tools/chat', '{"message":"x","agent_id":"unlucky"}');
    expect(answer).toMatchObject({ status: 503, json: { code: 'service_unavailable', detail: expect.stringContaining('Redis refuses commands (') } });
    await eventually(async () => (await new TurnStore(redis).busyAgents()).length === 0);
    await redis.del(`${QUEUE_PREFIX}:turns:wait`);
    await redis.rename('aside', `${QUEUE_PREFIX}:turns:id`);
    expect((await post('/tools/chat', '{"message":"y","agent_id":"unlucky"}')).status).toBe(200);
    expect(worker.seen.map(({ arguments: args }) => args['message'])).toEqual(['y']);
  });
});

describe('GET /tools', () => {
  it('lists the tools', async () => {
    expect((await edge.call('/tools')).json).toEqual({ tools: JSON.parse(JSON.stringify(listTools())) });
  });

  it('calls a tool that looks', async () => {
    expect((await edge.call('/tools/list_active_agents')).json).toEqual({ structuredContent: { agents: [] }, content: [{ type: 'text', text: 'No agent is running.' }] });
    expect((await edge.call('/tools/get_my_session_info?agent_id=me')).json).toMatchObject({ structuredContent: { exists: false, agent_id: 'me' } });
  });

  it('does not run turns', async () => {
    expect(await edge.call('/tools/chat')).toMatchObject({ status: 405, headers: { allow: 'POST' }, json: { code: 'method_not_allowed' } });
    expect((await edge.call('/tools/nothing')).status).toBe(404);
  });

  it('changes nothing for a browser, whatever sends it: tools that do take POST alone', async () => {
    const browsers: Record<string, string>[] = [
      { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' },
      { 'user-agent': 'curl/8.0', 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
      { referer: 'http://localhost:3000/' },
      { origin: edge.url },
    ];
    for (const { name, annotations } of listTools()) {
      if (annotations.readOnlyHint) continue;
      for (const headers of browsers) {
        expect({ name, ...(await edge.call(`/tools/${name}`, { headers })) }).toMatchObject({ name, status: 405, headers: { allow: 'POST' }, json: { code: 'method_not_allowed', detail: expect.stringContaining(`POST /tools/${name}`) } });
        expect({ name, status: (await edge.call(`/tools/codex_${name}`, { method: 'HEAD', headers })).status }).toEqual({ name, status: 405 });
      }
    }
    expect(worker.seen).toEqual([]);
  });

  it('calls one that needs no arguments for curl', async () => {
    expect(await edge.call('/tools/cleanup_inactive_agents', { headers: { 'user-agent': 'curl/8.0' } })).toMatchObject({ status: 200, json: { structuredContent: { stopped: [], removed: [] } } });
  });
});

describe('what keeps turns from running', () => {
  it.each([
    ['nobody is signed in', { gateway: { signIn: SIGNED_OUT } }, 503, 'not_signed_in', /codex login/],
    ['the gateway is down', { gateway: null }, 503, 'service_unavailable', /gateway/],
    ['no worker runs', { worker: null }, 503, 'service_unavailable', /worker/],
    ['no supervisor runs', { supervisor: null }, 503, 'service_unavailable', /supervisor/],
    ['no supervisor can start agents', { supervisor: { problem: 'Docker does not answer. Start it.' } }, 503, 'engine_unavailable', /Docker/],
  ])('is told before anything is queued: %s', async (_, changes, status, code, detail) => {
    await system.beats.stop();
    const changed = await beat(redis, changes);
    const fresh = await startTestEdge(redisServer.url);
    const answer = await fresh.call('/tools/chat', { method: 'POST', body: '{"message":"x"}' });
    expect(answer).toMatchObject({ status, json: { code, detail: expect.stringMatching(detail) } });
    expect(worker.seen).toEqual([]);
    await fresh.close();
    await changed.stop();
    system.beats = await beat(redis);
  });
});
