import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentStore, createRedis } from '@codex-mcp/messaging';
import { type RedisFixture, startRedis, temporaryDirectory, type TemporaryDirectory } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Redis } from 'ioredis';
import { connectClient, type RawRequest, startTestEdge, type TestEdge, TRANSPORTS } from '../testing/edge.fixture.js';
import { agentRecord, beat, StandInWorker } from '../testing/stand-ins.fixture.js';

jest.setTimeout(20_000); // on a busy machine

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let directory: TemporaryDirectory;
let redisServer: RedisFixture;
let redis: Redis;
let beats: { stop(): Promise<void> };
let worker: StandInWorker;
let open: TestEdge;
let guarded: TestEdge;

beforeAll(async () => {
  directory = await temporaryDirectory();
  const tokens = join(directory.path, 'tokens');
  writeFileSync(tokens, ['alpha', 'alpha-2'].map((token) => `${sha256(token)} team-a`).join('\n') + `\n${sha256('beta')} team-b\n`);
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
  beats = await beat(redis);
  worker = await new StandInWorker(redisServer.url).start();
  open = await startTestEdge(redisServer.url, { ALLOWED_HOSTS: 'codex.internal' });
  guarded = await startTestEdge(redisServer.url, { MCP_AUTH_TOKENS_FILE: tokens, BIND: '0.0.0.0' });
});
afterAll(async () => {
  await Promise.all([open.close(), guarded.close()]);
  await worker.stop();
  await beats.stop();
  redis.disconnect();
  await redisServer.stop();
  await directory.remove();
});

const body = '{"message":"x"}';
const ROUTES: [string, string, RawRequest][] = [
  ['GET', '/', {}],
  ['GET', '/health', {}],
  ['GET', '/metrics', {}],
  ['GET', '/openapi.json', {}],
  ['GET', '/docs', {}],
  ['GET', '/docs/style.css', {}],
  ['GET', '/tools', {}],
  ['GET', '/tools/list_active_agents', {}],
  ['GET', '/tools/cleanup_inactive_agents', {}],
  ['POST', '/tools/chat', { body }],
  ['GET', '/approvals', {}],
  ['POST', '/approvals/x', { body: '{"decision":"accept"}' }],
  ['GET', '/sse', {}],
  ['POST', '/messages?sessionId=x', { body }],
  ['GET', '/mcp', {}],
  ['POST', '/mcp', { body, headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json' } }],
  ['DELETE', '/mcp', {}],
  ['OPTIONS', '/tools/chat', {}],
  ['GET', '/ops/queues', {}],
  ['GET', '/ops/queues/api/queues', {}],
  ['GET', '/no/such/route', {}],
];
const FOREIGN: [string, Record<string, string>][] = [
  ['Host evil.example', { host: 'evil.example' }],
  ['Host localhost.evil.example', { host: 'localhost.evil.example:8210' }],
  ['Host localhost@evil', { host: 'localhost@evil.example' }],
  ['Origin evil.example', { origin: 'https://evil.example' }],
  ['Origin null', { origin: 'null' }],
  ['Origin http://localhost.evil.example', { origin: 'http://localhost.evil.example' }],
  ['Sec-Fetch-Site cross-site', { 'sec-fetch-site': 'cross-site' }],
  ['Sec-Fetch-Site same-site', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
  ['Sec-Fetch-Site of a kind to come', { 'sec-fetch-site': 'x' }],
];

describe('foreign requests', () => {
  it.each(ROUTES.flatMap(([method, path, init]) => FOREIGN.map(([name, headers]) => [method, path, name, init, headers] as const)))('%s %s with %s is refused', async (method, path, _, init, headers) => {
    const answer = await open.call(path, { ...init, method, headers: { host: `localhost:${open.port}`, ...init.headers, ...headers } });
    expect(answer).toMatchObject({ status: 403, json: { status: 403, code: expect.stringMatching(/^forbidden_(host|origin)$/) } });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(answer.headers['x-powered-by']).toBeUndefined();
    expect(worker.seen).toEqual([]);
  });

  it.each<Record<string, string>>([
    { host: 'localhost' },
    { host: 'LOCALHOST:1' },
    { host: '127.0.0.1:8210' },
    { host: '[::1]:8210' },
    { host: 'codex.internal:443' },
    { host: 'localhost', origin: 'http://localhost:6274' },
    { host: 'localhost', origin: 'http://127.0.0.1' },
    { host: 'localhost', 'sec-fetch-site': 'none' },
    { host: 'localhost', 'sec-fetch-site': 'same-origin' },
    { host: 'localhost', origin: 'http://localhost:6274', 'sec-fetch-site': 'same-site' },
    { host: 'localhost', origin: 'https://codex.internal', 'sec-fetch-site': 'cross-site' },
  ])('%j is answered', async (headers) => {
    expect((await open.call('/', { headers })).status).toBe(200);
  });

  const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1' };
  it.each([
    ['GET', '/', 'same-site', link, 200],
    ['GET', '/docs', 'same-site', link, 200],
    ['GET', '/ops/queues', 'same-site', link, 200],
    ['GET', '/ops/queues/queue/turns', 'same-site', link, 200],
    ['GET', '/health', 'same-site', link, 200],
    ['GET', '/openapi.json', 'same-site', link, 200],
    ['GET', '/docs', 'cross-site', link, 403],
    ['GET', '/docs', 'same-site', { ...link, 'sec-fetch-dest': 'iframe' }, 403],
    ['GET', '/docs', 'same-site', { ...link, 'sec-fetch-mode': 'no-cors' }, 403],
    ['POST', '/docs', 'same-site', link, 403],
    ['GET', '/tools/list_sessions', 'same-site', link, 403],
    ['GET', '/ops/queues/api/queues', 'same-site', link, 403],
    ['GET', '/docs/../tools/list_sessions', 'same-site', link, 403],
  ])('a link: %s %s, %s, %j: %i', async (method, path, site, headers, status) => {
    expect((await open.call(path, { method, headers: { host: 'localhost', 'sec-fetch-site': site, ...headers } })).status).toBe(status);
  });
});

describe('tokens', () => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const tokenRoutes = ROUTES.filter(([method, path]) => /^\/(tools|approvals|sse|messages|mcp)/.test(path) && method !== 'OPTIONS');

  it.each(tokenRoutes.flatMap(([method, path, init]) => [{}, bearer('wrong'), { authorization: 'Basic YTpi' }, bearer(sha256('alpha'))].map((headers) => [method, path, JSON.stringify(headers), init, headers] as const)))(
    '%s %s asks for one: %s is not enough',
    async (method, path, _, init, headers) => {
      const answer = await guarded.call(path, { ...init, method, headers: { ...init.headers, ...(headers as Record<string, string>) } });
      expect(answer).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm=/);
      expect(worker.seen).toEqual([]);
    },
  );

  it('leave open what tells nothing of callers', async () => {
    for (const path of ['/health', '/metrics', '/openapi.json', '/docs', '/docs/style.css']) expect({ path, status: (await guarded.call(path)).status }).toEqual({ path, status: 200 });
  });

  it('make the tenant, whose agents nobody else sees', async () => {
    await new AgentStore(redis).save(agentRecord('team-a', 'ours'));
    const call = (name: string, token: string, args: object) => guarded.call(`/tools/${name}`, { method: 'POST', headers: bearer(token), body: JSON.stringify(args) });
    expect((await call('chat', 'alpha', { message: 'x' })).status).toBe(200);
    expect(worker.seen[0]?.agent.tenant).toBe('team-a');
    const foreignTurn = worker.seen[0]?.turnId;
    expect((await call('list_sessions', 'alpha-2', {})).json).toMatchObject({ structuredContent: { sessions: [{ agent_id: 'ours' }] } });
    expect((await call('list_sessions', 'beta', {})).json).toMatchObject({ structuredContent: { sessions: [] } });
    const unknown = async (agent_id: string) => (await call('get_agent_status', 'beta', { agent_id })).json;
    expect({ ...(await unknown('ours')), correlation_id: '', detail: '' }).toEqual({ ...(await unknown('nobodys')), correlation_id: '', detail: '' });
    expect((await call('cancel', 'beta', { turn_id: foreignTurn })).json).toMatchObject({ code: 'unknown_turn' });
    expect((await call('cancel', 'alpha', { turn_id: foreignTurn })).json).toMatchObject({ structuredContent: { cancelled: false, reason: 'It had already ended (completed).' } });
  });

  describe.each(TRANSPORTS)('sessions over %s', (transport) => {
    it('belong to the token that opened them', async () => {
      const client: Client = await connectClient(guarded, transport, { headers: bearer('alpha') });
      expect((await client.listTools()).tools.length).toBeGreaterThan(0);
      const id = transport === 'http' ? client.transport?.sessionId : endpointSession(client);
      const list = { body: JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'tools/list' }), method: 'POST' };
      const as = (token: string) =>
        transport === 'http'
          ? guarded.call('/mcp', { ...list, headers: { ...bearer(token), 'mcp-session-id': id ?? '', accept: 'application/json, text/event-stream', 'content-type': 'application/json' } })
          : guarded.call(`/messages?sessionId=${id}`, { ...list, headers: { ...bearer(token), 'content-type': 'application/json' } });
      expect((await as('beta')).status).toBe(404);
      expect((await as('alpha-2')).status).toBe(404);
      expect([200, 202]).toContain((await as('alpha')).status);
      await client.close();
    });
  });

  it('bind a session by Streamable HTTP in every verb, and streams that are read again', async () => {
    const mcp = (method: string, token: string, more: Record<string, string>, sent?: object) =>
      guarded.call('/mcp', { method, headers: { ...bearer(token), accept: 'application/json, text/event-stream', 'content-type': 'application/json', ...more }, ...(sent && { body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...sent }) }) });
    const initialize = { method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } };
    const begin = async (token: string) => String((await mcp('POST', token, {}, initialize)).headers['mcp-session-id']);
    const [ours, theirs] = [await begin('alpha'), await begin('beta')];
    const call = await mcp('POST', 'alpha', { 'mcp-session-id': ours, 'mcp-protocol-version': '2025-11-25' }, { method: 'tools/call', params: { name: 'chat', arguments: { message: 'ours alone' } } });
    const [event = 'none', last = 'none'] = [...call.text.matchAll(/^id: (\S+)$/gm)].map(([, id]) => id);
    const resumed = await mcp('GET', 'alpha', { 'mcp-session-id': ours, 'last-event-id': event });
    expect(resumed).toMatchObject({ status: 200, text: expect.stringContaining('ours alone') });
    const foreign: Record<string, string>[] = [{ 'mcp-session-id': ours }, { 'mcp-session-id': ours, 'last-event-id': event }, { 'mcp-session-id': ours, 'mcp-protocol-version': '2026-07-28' }];
    for (const more of foreign) {
      // In the era without sessions a POST belongs to none, whatever its headers say.
      for (const method of 'mcp-protocol-version' in more ? ['GET', 'DELETE'] : ['GET', 'POST', 'DELETE']) {
        const answer = await mcp(method, 'beta', more, method === 'POST' ? { method: 'tools/list' } : undefined);
        expect({ method, more, status: answer.status, text: answer.text }).toEqual({ method, more, status: 404, text: expect.stringContaining('Session not found') });
      }
    }
    const misplaced = await mcp('GET', 'beta', { 'mcp-session-id': theirs, 'last-event-id': last });
    expect(misplaced).toMatchObject({ status: 204, text: '' });
    expect((await mcp('POST', 'alpha', { 'mcp-session-id': ours }, { method: 'ping' })).status).toBe(200);
  });
});

/** The SSE client keeps its endpoint to itself. */
const endpointSession = (client: Client): string => (client.transport as unknown as { ['_endpoint']: URL })['_endpoint'].searchParams.get('sessionId') ?? '';
