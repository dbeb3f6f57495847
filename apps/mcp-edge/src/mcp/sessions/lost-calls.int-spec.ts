import { randomUUID } from 'node:crypto';
import { eventually, type RedisFixture, roundRobin, startRedis, TcpDoor } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { connectClient, type RawAnswer, rawCall, startTestEdge, type TestEdge } from '../../testing/edge.fixture.js';
import { HeldTurns } from '../../testing/held-turn.fixture.js';
import { startTestSystem, type TestSystem } from '../../testing/system.fixture.js';
import { SessionRecord, sessionKey } from './session-store.js';

jest.setTimeout(60_000); // on a busy machine

const LOST = 'The connection to the server that ran this call was lost; the turn goes on: list_turns, get_turn.';

let redisServer: RedisFixture;
let system: TestSystem;
let second: TestEdge;

beforeAll(async () => {
  redisServer = await startRedis();
  system = await startTestSystem(redisServer);
  second = await system.replica();
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => system.worker.reset())));

/** An edge whose connections to clients and to Redis can be broken at once, as when its machine is lost. */
async function startDoomed(): Promise<{ url: string; lose(): Promise<void>; close(): Promise<void> }> {
  const toRedis = await TcpDoor.to(redisServer.port);
  const edge = await startTestEdge(redisServer.url.replace(`:${redisServer.port}`, `:${toRedis.port}`), { SHUTDOWN_TIMEOUT: '1' });
  const toClients = await TcpDoor.to(edge.port);
  return { url: `http://127.0.0.1:${toClients.port}`, lose: async () => void (await Promise.all([toRedis.close(), toClients.close()])), close: () => edge.close() };
}

it('a call whose edge dies ends with an error, and its client goes on', async () => {
  const doomed = await startDoomed();
  const urls = [doomed.url];
  const balancer = await roundRobin(urls);
  const balanced: TestEdge = { ...system.edge, url: balancer.url, call: (path, init) => rawCall(Number(new URL(balancer.url).port), path, init) };
  const client = await connectClient(balanced, 'http');
  try {
    const held = new HeldTurns(system.worker);
    const call = client.callTool({ name: 'chat', arguments: { message: 'x' } }, CallToolResultSchema, { timeout: 50_000 });
    const ended = expect(call).rejects.toMatchObject({ code: -32000, message: expect.stringContaining(LOST) });
    await held.first();
    urls.splice(0, 1, system.edge.url, second.url);
    await doomed.lose();
    await ended;
    held.release();
    for (const message of ['1', '2', '3']) expect(await client.callTool({ name: 'chat', arguments: { message } })).toMatchObject({ structuredContent: { answer: `echo: "${message}"` } });
  } finally {
    await client.close();
    await balancer.close();
    await doomed.close();
  }
});

describe('a stream of a session', () => {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' };
  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } } };
  const chat = { jsonrpc: '2.0', id: 'call', method: 'tools/call', params: { name: 'chat', arguments: { message: 'x' } } };
  const post = (body: unknown, more: Record<string, string> = {}): Promise<RawAnswer> => system.edge.call('/mcp', { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) });
  const open = async (): Promise<Record<string, string>> => ({ 'mcp-session-id': String((await post(initialize)).headers['mcp-session-id']) });
  const resume = (session: Record<string, string>, id: string): Promise<RawAnswer> => second.call('/mcp', { headers: { ...headers, ...session, 'last-event-id': id } });
  const ids = (text: string): string[] => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => String(id));

  it('that has been read to its end has nothing to come back for', async () => {
    const session = await open();
    const { text } = await post(chat, session);
    expect(text).toContain('echo:');
    expect((await resume(session, String(ids(text).at(-1)))).status).toBe(204);
    expect((await resume(session, String(ids(text)[0]))).text).toContain('echo:');
    expect((await resume(session, `0123456789ab-${randomUUID()}~0`)).status).toBe(204);
  });

  it('goes on behind what no edge has written', async () => {
    const session = await open();
    const [first = '', ...others] = ids((await post(chat, session)).text);
    const key = `${sessionKey(String(session['mcp-session-id']))}:stream:${first.split('~')[0]}`;
    const events = await system.redis.xrange(key, '-', '+');
    await system.redis.del(key);
    for (const [id, fields] of events) {
      for (const [at, field] of ['x', 'y'].entries()) await system.redis.xadd(key, `${Number(id.split('-')[0]) - 1}-${at + 1}`, field, 'junk');
      await system.redis.xadd(key, id, ...fields);
    }
    const rest = await resume(session, first);
    expect(ids(rest.text)).toEqual(others.map((id) => `${id}-0`));
    expect(rest.text).toContain('echo:');
  });

  it('of which nothing is kept any more ends with an error for what was not answered', async () => {
    const session = await open();
    const id = String(session['mcp-session-id']);
    const { replica } = SessionRecord.parse(JSON.parse((await system.redis.get(sessionKey(id))) ?? ''));
    const stream = `${replica}-${randomUUID()}`;
    await system.redis.sadd(`${sessionKey(id)}:stream:${stream}:unanswered`, '7', '"seven"');
    const { text } = await resume(session, `${stream}~3`);
    const answers = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(String(data)) as unknown);
    expect(answers).toHaveLength(2);
    for (const one of [7, 'seven']) expect(answers).toContainEqual({ jsonrpc: '2.0', id: one, error: { code: -32000, message: LOST } });
    expect((await resume(session, String(ids(text).at(-1)))).status).toBe(204);
  });

  it('ends with the last answer of a batch', async () => {
    const held = new HeldTurns(system.worker);
    const session = await open();
    const leaving = new AbortController();
    const broken = await fetch(`${system.edge.url}/mcp`, { method: 'POST', headers: { ...headers, ...session }, body: JSON.stringify([chat, { jsonrpc: '2.0', id: 'list', method: 'tools/list' }]), signal: leaving.signal });
    const reader = broken.body?.getReader();
    let received = '';
    while (!received.includes('"id":"list"')) received += new TextDecoder().decode((await reader?.read())?.value);
    await held.first();
    leaving.abort();
    const rest = resume(session, String(ids(received)[0]));
    held.release();
    expect((await rest).text).toContain('echo:');
  });

  it('ends with the session, wherever it is read, and so do its calls', async () => {
    const held = new HeldTurns(system.worker);
    const session = await open();
    const call = post(chat, session);
    await held.first();
    const standalone = await fetch(`${second.url}/mcp`, { headers: { ...headers, ...session } });
    expect((await second.call('/mcp', { method: 'DELETE', headers: { ...headers, ...session } })).status).toBe(200);
    expect((await call).text).toContain(LOST);
    expect(await standalone.text()).toBe('');
    held.release();
  });
});

it('a session with a call in flight is in use', async () => {
  const brief = await startTestEdge(redisServer.url, { MCP_SESSION_IDLE: '12', SHUTDOWN_TIMEOUT: '1' });
  const client = await connectClient(brief, 'http');
  try {
    const held = new HeldTurns(system.worker);
    const call = client.callTool({ name: 'chat', arguments: { message: 'x' } });
    await held.first();
    const key = sessionKey(String(client.transport?.sessionId));
    expect(await system.redis.persist(key)).toBe(1);
    await eventually(async () => (await system.redis.pttl(key)) > 0, { timeoutMs: 30_000 });
    held.release();
    expect((await call).structuredContent).toMatchObject({ answer: 'echo: "x"' });
  } finally {
    await client.close();
    await brief.close();
  }
});
