import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentKey, digestOf } from '@codex-mcp/contracts';
import { AgentStore, createRedis } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis, temporaryDirectory, type TemporaryDirectory } from '@codex-mcp/testing';
import { TOOLS } from '@codex-mcp/tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { SessionRecord, sessionKey } from '../mcp/sessions/session-store.js';
import { connectClient, startTestEdge, type TestEdge, TRANSPORTS } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { agentRecord, beat, StandInWorker } from '../testing/stand-ins.fixture.js';

jest.setTimeout(20_000); // on a busy machine

const SCOPES = ['read', 'run', 'admin'] as const;

let directory: TemporaryDirectory;
let redisServer: RedisFixture;
let redis: Redis;
let beats: { stop(): Promise<void> };
let worker: StandInWorker;
let edge: TestEdge;

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const post = (path: string, token: string, body: object = {}) => edge.call(path, { method: 'POST', headers: bearer(token), body: JSON.stringify(body) });
const mayCall = (scope: string) => [...TOOLS.values()].filter((tool) => tool.scope === 'read' || tool.scope === scope).map(({ name }) => name);

beforeAll(async () => {
  directory = await temporaryDirectory();
  const tokens = join(directory.path, 'tokens');
  writeFileSync(tokens, SCOPES.map((scope) => `${digestOf(scope)} team scopes=${scope}\n`).join('') + `${digestOf('plain')} team\n`);
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
  beats = await beat(redis);
  worker = await new StandInWorker(redisServer.url).start();
  edge = await startTestEdge(redisServer.url, { MCP_AUTH_TOKENS_FILE: tokens });
});
afterAll(async () => {
  await edge.close();
  await worker.stop();
  await beats.stop();
  redis.disconnect();
  await redisServer.stop();
  await directory.remove();
});
beforeEach(async () => void (await eventually(() => worker.reset())));

describe.each(SCOPES)('a token with the scope %s', (scope) => {
  it.each([...TOOLS.values()].map((tool) => [tool.name, tool.scope] as const))('over REST, %s', async (name, needed) => {
    const answer = await post(`/tools/${name}`, scope, { agent_id: 'nobodys', unknown_argument: 1 });
    if (needed === 'read' || needed === scope) return expect(answer).toMatchObject({ status: 422, json: { code: 'invalid_arguments' } });
    expect(answer).toMatchObject({ status: 403, json: { code: 'insufficient_scope', detail: expect.stringContaining(`"${needed}"`) } });
    expect(answer.headers['www-authenticate']).toBe(`Bearer realm="codex-mcp", error="insufficient_scope", scope="${SCOPES.filter((one) => one === scope || one === needed).join(' ')}"`);
    expect(worker.seen).toEqual([]);
  });

  it.each(TRANSPORTS)('over %s is shown what it may call, and told of the rest', async (transport) => {
    const client = await connectClient(edge, transport, { headers: bearer(scope) });
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(mayCall(scope));
    const refused = [...TOOLS.keys()].filter((name) => !mayCall(scope).includes(name));
    for (const name of refused) {
      expect(await client.callTool({ name, arguments: {} })).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(/^insufficient_scope: The tool/) }, {}] });
    }
    await client.close();
  });

  it('is listed what it may call over REST', async () => {
    const { tools } = (await edge.call('/tools', { headers: bearer(scope) })).json as { tools: { name: string }[] };
    expect(tools.map(({ name }) => name)).toEqual(mayCall(scope));
  });
});

describe('a line that names no scopes', () => {
  it('stands for read and run', async () => {
    expect((await post('/tools/chat', 'plain', { message: 'x' })).status).toBe(200);
    expect((await post('/tools/cleanup_inactive_agents', 'plain')).status).toBe(403);
  });
});

describe('whoever may only look', () => {
  it('makes no agent by looking for one, and sends none to another directory', async () => {
    const look = (agent: string) => edge.call('/tools/read_file', { method: 'POST', headers: { ...bearer('read'), 'x-workspace': '/srv/other' }, body: JSON.stringify({ agent_id: agent, path: 'a' }) });
    expect(await look('nobodys')).toMatchObject({ status: 404, json: { code: 'unknown_agent' } });
    expect(worker.seen).toEqual([]);
    await new AgentStore(redis).save(agentRecord('team', 'ours'));
    const held = new HeldTurns(worker);
    const looked = look('ours');
    const { request } = await held.first();
    expect(request).toMatchObject({ agent: { key: agentKey('team', 'ours') }, tool: 'read_file' });
    expect(request.workspace).toBeUndefined();
    held.release();
    await looked;
  });

  it('cannot cancel what others run, by a job or a task', async () => {
    const held = new HeldTurns(worker);
    const { turn_id: turnId } = (await edge.call('/tools/chat', { method: 'POST', headers: { ...bearer('run'), prefer: 'respond-async' }, body: '{"message":"x"}' })).json as { turn_id: string };
    await held.first();
    expect((await edge.call(`/jobs/${turnId}`, { method: 'DELETE', headers: bearer('read') }))).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } });
    expect((await edge.call(`/jobs/${turnId}`, { headers: bearer('read') })).json).toMatchObject({ status: 'running' });
    held.release();
  });
});

describe('a message that an edge of another version passes on', () => {
  it.each([
    ['no scopes, as before there were any: what the token allows that opened the session', 'run', undefined, 'completed'],
    ['no scopes, on a session of a token that may only look', 'read', undefined, 'refused'],
    ['scopes that are not known here yet, which allow nothing', 'run', ['read', 'fly'], 'refused'],
    ['scopes that are known here as well', 'run', ['fly', 'run'], 'completed'],
  ])('has %s', async (_, token, scopes, outcome) => {
    const leaving = new AbortController();
    const stream = await fetch(`${edge.url}/sse`, { headers: bearer(token), signal: leaving.signal });
    let received = '';
    const read = (async () => {
      for await (const chunk of (stream.body ?? []) as AsyncIterable<Uint8Array>) received += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await eventually(() => /sessionId=\w+/.test(received));
    const session = /sessionId=(\w+)/.exec(received)?.[1] ?? '';
    await eventually(async () => (await redis.exists(sessionKey(session))) === 1);
    const { replica } = SessionRecord.parse(JSON.parse((await redis.get(sessionKey(session))) ?? ''));
    const pass = (message: object) => redis.publish(`codex-mcp:mcp:replica:${replica}`, JSON.stringify({ type: 'message', session, message: { jsonrpc: '2.0', ...message }, context: { correlationId: 'from-an-old-edge', scopes } }));
    await pass({ id: 1, method: 'initialize', params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'x', version: '1' } } });
    await eventually(() => received.includes('"id":1'));
    await pass({ method: 'notifications/initialized' });
    await pass({ id: 2, method: 'tools/call', params: { name: 'chat', arguments: { message: 'x' } } });
    await eventually(() => received.includes('"id":2'));
    expect(received.includes('insufficient_scope') ? 'refused' : 'completed').toBe(outcome);
    expect(worker.seen).toHaveLength(outcome === 'completed' ? 1 : 0);
    leaving.abort();
    await read;
  });
});

describe('the dashboards', () => {
  const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}` });

  it('ask for the scope admin where clients have tokens', async () => {
    expect(await edge.call('/ops/queues')).toMatchObject({ status: 401, headers: { 'www-authenticate': expect.stringMatching(/^Basic/) } });
    for (const headers of [bearer('run'), basic('run'), bearer('unknown'), basic('unknown')]) expect(await edge.call('/ops/queues', { headers })).toMatchObject({ status: 403, json: { code: 'ops_closed' } });
    for (const headers of [bearer('admin'), basic('admin')]) expect((await edge.call('/ops/queues', { headers })).status).toBe(200);
  });
});
