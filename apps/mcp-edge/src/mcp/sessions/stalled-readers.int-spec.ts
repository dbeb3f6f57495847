import { type IncomingMessage, request as httpRequest } from 'node:http';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { RawAnswer } from '../../testing/edge.fixture.js';
import { startTestSystem, type TestSystem } from '../../testing/system.fixture.js';
import { sessionKey } from './session-store.js';

jest.setTimeout(60_000); // on a busy machine

/** Together far more than may wait for a client that reads nothing. */
const [ANSWERS, ANSWER_CHARACTERS] = [60, 900_000];
/** 150 kB each; less than what all connections may hold together. */
const MAX_LISTS = 300;

let redisServer: RedisFixture;
let system: TestSystem;

beforeAll(async () => {
  redisServer = await startRedis();
  system = await startTestSystem(redisServer);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => system.worker.reset())));

const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' };
const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } } };
const post = (path: string, body: unknown, more: Record<string, string> = {}): Promise<RawAnswer> => system.edge.call(path, { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) });

/** An answer of which nothing is read before `read`, which resolves with all that comes until the connection ends, however it does. */
async function stalled(method: string, path: string, more: Record<string, string> = {}, body?: unknown): Promise<{ read(): Promise<string>; leave(): void }> {
  const request = httpRequest(`${system.edge.url}${path}`, { method, headers: { ...headers, ...more }, agent: false });
  const response = await new Promise<IncomingMessage>((resolve, reject) => request.on('response', resolve).on('error', reject).end(body === undefined ? undefined : JSON.stringify(body)));
  const read = async (): Promise<string> => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch {
      // dropped
    }
    return Buffer.concat(chunks).toString();
  };
  return { read, leave: () => request.destroy() };
}

const framesOf = (text: string) => [...text.matchAll(/^id: (.+)\ndata: (.+)\n\n/gm)].map(([, id = '', data = '']) => ({ id, answer: (JSON.parse(data) as { id: string }).id }));

describe('a client that stops reading', () => {
  it('is dropped from the answers to its calls, and gets the rest with Last-Event-ID', async () => {
    const session = { 'mcp-session-id': String((await post('/mcp', initialize)).headers['mcp-session-id']) };
    const { turn_id: turnId } = (await post('/tools/chat', { message: 'x'.repeat(ANSWER_CHARACTERS) })).json;
    const calls = Array.from({ length: ANSWERS }, (_, at) => ({ jsonrpc: '2.0', id: `call-${at}`, method: 'tools/call', params: { name: 'get_turn', arguments: { turn_id: turnId } } }));
    const reader = await stalled('POST', '/mcp', session, calls);
    const unanswered = async () => (await system.redis.keys(`${sessionKey(session['mcp-session-id'])}:stream:*:unanswered`)).length;
    await eventually(async () => (await unanswered()) === 0, { timeoutMs: 40_000 });
    const first = framesOf(await reader.read());
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(ANSWERS);
    const rest = framesOf((await system.edge.call('/mcp', { headers: { ...headers, ...session, 'last-event-id': first.at(-1)?.id ?? '' } })).text);
    expect([...first, ...rest].map(({ answer }) => answer).toSorted()).toEqual(calls.map(({ id }) => id).toSorted());
  });

  it('can come back for answers to several requests, whatever they ask', async () => {
    const session = { 'mcp-session-id': String((await post('/mcp', initialize)).headers['mcp-session-id']) };
    const both = framesOf((await post('/mcp', ['first', 'second'].map((id) => ({ jsonrpc: '2.0', id, method: 'tools/list' })), session)).text);
    const again = framesOf((await system.edge.call('/mcp', { headers: { ...headers, ...session, 'last-event-id': both[0]?.id ?? '' } })).text);
    expect([both, again].map((frames) => frames.map(({ answer }) => answer).toSorted())).toEqual([['first', 'second'], [both[1]?.answer]]);
  });

  it('is dropped from GET /sse, and its session with it', async () => {
    const reader = await stalled('GET', '/sse');
    const key = await eventually(async () => {
      const keys = await system.redis.keys(`${sessionKey('')}*`);
      const records = await Promise.all(keys.map(async (one) => [one, await system.redis.get(one).catch(() => '')] as const));
      return records.find(([, text]) => text?.includes('"sse"'))?.[0] ?? null;
    });
    const path = `/messages?sessionId=${key.slice(sessionKey('').length)}`;
    await post(path, initialize);
    await post(path, { jsonrpc: '2.0', method: 'notifications/initialized' });
    const list = async (at: number) => (await post(path, { jsonrpc: '2.0', id: `list-${at}`, method: 'tools/list' })).status;
    let asked = 0;
    while ((await list(asked)) !== 404 && asked < MAX_LISTS) asked += 1;
    expect(asked).toBeLessThan(MAX_LISTS);
    expect(await reader.read()).toContain('"id":"list-0"');
  });
});
