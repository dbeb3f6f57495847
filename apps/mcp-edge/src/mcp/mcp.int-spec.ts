import { agentKey } from '@codex-mcp/contracts';
import { TurnStore } from '@codex-mcp/messaging';
import { eventually, startRedis } from '@codex-mcp/testing';
import { listTools } from '@codex-mcp/tools';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Redis } from 'ioredis';
import { connectClient, type TestEdge, TRANSPORTS } from '../testing/edge.fixture.js';
import { chatOutput, echo, StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let system: TestSystem;
let redis: Redis;
let worker: StandInWorker;
let edge: TestEdge;

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), { PROGRESS_INTERVAL: '0.2', MAX_QUEUED_TURNS: '2' });
  ({ redis, worker, edge } = system);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));

describe.each(TRANSPORTS)('MCP over %s', (transport) => {
  const clients: Client[] = [];
  const connect = async (options?: Parameters<typeof connectClient>[2]) => {
    const client = await connectClient(edge, transport, options);
    clients.push(client);
    return client;
  };
  const chat = (client: Client, args: Record<string, unknown> = { message: 'hi' }, options: Parameters<Client['callTool']>[2] = {}) =>
    client.callTool({ name: 'chat', arguments: args }, CallToolResultSchema, options);
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  it('introduces itself and lists the tools as they are in the catalogue', async () => {
    const client = await connect();
    expect(client.getServerVersion()).toEqual({ name: 'codex-mcp', title: 'Codex agents', version: '1.2.3', icons: [{ src: expect.stringMatching(/^data:image\/svg\+xml;base64,/), mimeType: 'image/svg+xml', sizes: ['any'] }] });
    expect(client.getInstructions()).toContain('agent_id');
    expect((await client.listTools()).tools).toEqual(listTools());
  });

  it('answers a call with the turn’s output, complete in both forms', async () => {
    const result = await chat(await connect(), { message: 'hello' });
    expect(result).toMatchObject({ structuredContent: { answer: 'echo: "hello"', agent_id: 'test-client' } });
    expect(result.content).toEqual([{ type: 'text', text: expect.stringContaining('echo: "hello"') }]);
    expect(result.isError).toBeUndefined();
    expect(result).toMatchObject({ _meta: { 'codex-mcp/turnId': worker.seen[0]?.turnId, 'codex-mcp/correlationId': worker.seen[0]?.correlationId } });
  });

  it('knows tools by their names with codex_ as well', async () => {
    const client = await connect();
    expect(await client.callTool({ name: 'codex_chat', arguments: { message: 'x' } })).toMatchObject({ structuredContent: { answer: 'echo: "x"' } });
  });

  it('reports progress in words, strictly increasing, and breaks long silences', async () => {
    worker.play = async (turn) => {
      await turn.append({ type: 'item_started', item: { type: 'command', id: 'c', command: 'npm test', status: 'running' } });
      await eventually(() => messages.some((message) => /^still working, \d+ s: running: npm test$/.test(message)));
      await turn.append({ type: 'delta', itemId: 'm', text: 'All ' }, { type: 'delta', itemId: 'm', text: 'green' });
      await eventually(() => messages.includes('All green'));
      return echo(turn);
    };
    const messages: string[] = [];
    const numbers: number[] = [];
    const onprogress = ({ message, progress }: { message?: string; progress: number }) => {
      messages.push(message ?? '');
      numbers.push(progress);
    };
    await chat(await connect(), { message: 'go' }, { onprogress });
    expect(messages[0]).toBe('queued, next to run');
    expect(messages).toEqual(expect.arrayContaining(['running: npm test', 'All ', 'All green']));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  it('cancels the turn when the client cancels the request', async () => {
    const client = await connect();
    const ended: string[] = [];
    worker.play = async ({ cancelled }) => {
      await cancelled;
      ended.push('cancelled');
      return { type: 'cancelled', error: { code: 'turn_cancelled', message: 'Cancelled by its caller.', retryable: false } };
    };
    const cancel = new AbortController();
    const call = chat(client, { message: 'long' }, { signal: cancel.signal });
    await eventually(() => worker.seen.length === 1);
    cancel.abort('enough');
    await expect(call).rejects.toThrow('enough');
    await eventually(() => ended.length === 1);
    worker.play = echo;
    expect(await chat(client)).toMatchObject({ structuredContent: { answer: 'echo: "hi"' } });
  });

  it('lets the turn go on when the connection closes', async () => {
    const client = await connect({ name: `leaver-${transport}` });
    let release = () => {};
    let wasCancelled = false;
    worker.play = async (turn) => {
      void turn.cancelled.then(() => (wasCancelled = true));
      await new Promise<void>((resolve) => (release = resolve));
      return echo(turn);
    };
    const call = chat(client).catch(() => 'gone');
    await eventually(() => worker.seen.length === 1);
    if (transport === 'http') await edge.call('/mcp', { method: 'DELETE', headers: { 'mcp-session-id': sessionIdOf(client) } });
    await client.close();
    expect(await call).toBe('gone');
    // A second agent's whole turn passes through edge and worker before the first may end.
    worker.play = echo;
    await chat(await connect({ name: 'bystander' }));
    release();
    const turns = new TurnStore(redis);
    const turnId = worker.seen[0]?.turnId ?? '';
    await eventually(async () => (await turns.load(turnId))?.status === 'completed');
    expect(wasCancelled).toBe(false);
  });

  describe('errors', () => {
    it('gives a failed turn as a tool result with code and message', async () => {
      worker.play = async () => ({ type: 'failed', error: { code: 'quota_exceeded', message: 'The quota is used up. Wait until Monday.', retryable: false } });
      const result = await chat(await connect());
      expect(result.isError).toBe(true);
      expect(result.content).toEqual([
        { type: 'text', text: 'quota_exceeded: The quota is used up. Wait until Monday.' },
        { type: 'text', text: expect.stringContaining('"retryable": false') },
      ]);
      expect(result).toMatchObject({ _meta: { 'codex-mcp/error': { code: 'quota_exceeded' }, 'codex-mcp/correlationId': expect.any(String) } });
    });

    it.each([
      [{ message: 'x', agent_id: '../etc' }, 'invalid_agent_id'],
      [{ massage: 'x' }, 'invalid_arguments'],
      [{}, 'invalid_arguments'],
    ])('refuses %j as %s without queueing anything', async (args, code) => {
      const result = await chat(await connect(), args);
      expect(result).toMatchObject({ isError: true, _meta: { 'codex-mcp/error': { code } } });
      expect(worker.seen).toEqual([]);
    });

    it('refuses an unknown tool as a protocol error', async () => {
      const client = await connect();
      await expect(client.callTool({ name: 'rm', arguments: {} })).rejects.toMatchObject({ code: -32602, message: expect.stringContaining('Unknown tool: rm') });
      await expect(client.request({ method: 'no/such/method' }, CallToolResultSchema)).rejects.toMatchObject({ code: -32601 });
    });

    it('says that the queue is full', async () => {
      let release = () => {};
      const gate = new Promise<void>((resolve) => (release = resolve));
      worker.play = async (turn) => {
        await gate;
        return echo(turn);
      };
      const client = await connect({ name: `crowd-${transport}` });
      const waiting = [chat(client), chat(client)];
      await eventually(async () => (await new TurnStore(redis).unfinished(agentKey('local', `crowd-${transport}`))).length === 2);
      expect(await chat(client)).toMatchObject({ isError: true, _meta: { 'codex-mcp/error': { code: 'queue_full', retryable: true } } });
      release();
      expect(await Promise.all(waiting)).toHaveLength(2);
    });
  });

  it.each<[string, Parameters<typeof connectClient>[2], string | undefined, string]>([
    ['the argument', { headers: { 'X-Agent-Id': 'from-header' }, query: '?agent_id=from-query' }, 'From Argument', 'from-argument'],
    ['the header', { headers: { 'X-Agent-Id': 'From.Header' }, query: '?agent_id=from-query' }, undefined, 'from-header'],
    ['the query', { query: '?agent_id=from-query' }, undefined, 'from-query'],
    ['the client’s name', { name: 'Claude Code (mine)' }, undefined, 'claude-code-mine'],
  ])('takes the agent from %s', async (_, options, agentId, expected) => {
    const client = await connect(options);
    const result = await chat(client, { message: 'who', ...(agentId !== undefined && { agent_id: agentId }) });
    expect(result).toMatchObject({ structuredContent: { agent_id: expected } });
    expect(worker.seen[0]?.agent).toEqual({ key: agentKey('local', expected), tenant: 'local', agentId: expected });
  });
});

/** The messages of a stream that has ended. */
const messagesIn = (events: string) => [...events.matchAll(/^data: (.+)$/gm)].map(([, json]) => JSON.parse(json ?? '') as { id: number });

const sessionIdOf = (client: Client): string => client.transport?.sessionId ?? '';

describe('POST /mcp', () => {
  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } } };
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const post = (body: unknown, more: Record<string, string> = {}) => edge.call('/mcp', { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) });

  it('streams without anything that buffers', async () => {
    const answer = await post(initialize);
    expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' });
    expect(answer.headers['mcp-session-id']).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each(['GET', 'POST', 'DELETE'])('answers 404 to %s with an unknown session and 400 without one', async (method) => {
    const body = method === 'POST' ? JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) : '';
    const unknown = await edge.call('/mcp', { method, headers: { ...headers, 'mcp-session-id': '7c3f7d0e-0000-4000-8000-000000000000' }, body });
    expect({ status: unknown.status, json: unknown.json }).toEqual({ status: 404, json: { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } } });
    expect((await edge.call('/mcp', { method, headers, body })).status).toBe(400);
  });

  it('ends a session with DELETE', async () => {
    const id = String((await post(initialize)).headers['mcp-session-id']);
    const list = () => post({ jsonrpc: '2.0', id: 2, method: 'tools/list' }, { 'mcp-session-id': id });
    expect((await list()).status).toBe(200);
    expect((await edge.call('/mcp', { method: 'DELETE', headers: { ...headers, 'mcp-session-id': id } })).status).toBe(200);
    expect((await list()).status).toBe(404);
  });

  it('refuses what is not JSON, not JSON-RPC, or another method', async () => {
    expect((await edge.call('/mcp', { method: 'POST', headers, body: '{' })).status).toBe(400);
    expect((await post([1, 2])).status).toBe(400);
    expect((await edge.call('/mcp', { method: 'POST', headers, body: '{' })).json).toMatchObject({ jsonrpc: '2.0', id: null, error: { code: -32700 } });
    const put = await edge.call('/mcp', { method: 'PUT', headers, body: '{}' });
    expect({ status: put.status, allow: put.headers.allow }).toEqual({ status: 405, allow: 'GET, POST, DELETE' });
  });

  it.each<[string, string, number, RegExp]>([
    ['bytes', `"${'x'.repeat(4 * 1024 * 1024)}"`, 413, /at most 4 MiB/],
    ['depth', `${'['.repeat(65)}${']'.repeat(65)}`, 400, /deeper than 64 levels/],
    ['values', `[${Array(100_000).fill('1').join(',')}]`, 413, /at most 100000 values/],
    ['messages', JSON.stringify(Array.from({ length: 101 }, () => ({ jsonrpc: '2.0', method: 'notifications/x' }))), 400, /a batch holds 1 to 100 messages/],
  ])('names the limit of %s', async (_, body, status, message) => {
    const id = String((await post(initialize)).headers['mcp-session-id']);
    const answer = await edge.call('/mcp', { method: 'POST', headers: { ...headers, 'mcp-session-id': id }, body });
    expect(answer).toMatchObject({ status, json: { jsonrpc: '2.0', id: null, error: { message: expect.stringMatching(message) } } });
  });

  it('sends progress to clients that ask for it, and to no others', async () => {
    const id = String((await post(initialize)).headers['mcp-session-id']);
    const call = (meta: object) => post({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'chat', arguments: { message: 'x' }, ...meta } }, { 'mcp-session-id': id });
    expect((await call({ _meta: { progressToken: 0 } })).text).toContain('"method":"notifications/progress","params":{"progressToken":0,"progress":1,');
    const silent = await call({});
    expect(silent.text).toContain('echo:');
    expect(silent.text).not.toContain('notifications/progress');
  });

  it('answers what needs no stream with its length, in one piece', async () => {
    const id = String((await post(initialize)).headers['mcp-session-id']);
    const list = await post({ jsonrpc: '2.0', id: 'list', method: 'tools/list' }, { 'mcp-session-id': id });
    expect(list.headers).toMatchObject({ 'content-type': 'text/event-stream', 'content-length': String(Buffer.byteLength(list.text)), 'mcp-session-id': id });
    const { headers: { 'content-encoding': encoding, vary }, text: compressed } = await post({ jsonrpc: '2.0', id: 'list', method: 'tools/list' }, { 'mcp-session-id': id, 'accept-encoding': 'deflate, gzip' });
    expect([encoding, vary]).toEqual(['gzip', 'Accept-Encoding']);
    expect(compressed.length).toBeLessThan(list.text.length / 5);
    expect(messagesIn(list.text)).toEqual([{ jsonrpc: '2.0', id: 'list', result: { tools: JSON.parse(JSON.stringify(listTools())) } }]);
  });

  it('answers each request of a batch', async () => {
    const id = String((await post({ ...initialize, params: { ...initialize.params, protocolVersion: '2025-03-26' } })).headers['mcp-session-id']);
    const batch = await post([{ jsonrpc: '2.0', id: 1, method: 'ping' }, { jsonrpc: '2.0', id: 2, method: 'no/such' }, { jsonrpc: '2.0', id: 3, method: 'ping' }], { 'mcp-session-id': id });
    expect(messagesIn(batch.text).toSorted((a, b) => a.id - b.id)).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }, { jsonrpc: '2.0', id: 2, error: expect.objectContaining({ code: -32601 }) }, { jsonrpc: '2.0', id: 3, result: {} }]);
  });

  it('ends the stream of a cancelled request without an answer', async () => {
    worker.play = async ({ cancelled, request }) => {
      await cancelled;
      return { type: 'completed', output: chatOutput(request, 'too late') };
    };
    const id = String((await post(initialize)).headers['mcp-session-id']);
    const call = post({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'chat', arguments: { message: 'x' } } }, { 'mcp-session-id': id });
    await eventually(() => worker.seen.length === 1);
    await post({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7, reason: 'enough' } }, { 'mcp-session-id': id });
    expect((await call).text).toBe('');
  });
});

describe('GET /sse', () => {
  it('names the endpoint for messages, which knows no other session', async () => {
    const response = await fetch(`${edge.url}/sse`);
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' });
    const first = await response.body?.getReader().read();
    const path = /data: (\/messages\?sessionId=[0-9a-f]{32})/.exec(new TextDecoder().decode(first?.value))?.[1] ?? '';
    const ping = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }) };
    expect((await edge.call(path, ping)).status).toBe(202);
    expect((await edge.call(path, { ...ping, body: '{"no":"rpc"}' })).status).toBe(400);
    expect(await edge.call('/messages?sessionId=7c3f7d0e-0000-4000-8000-000000000000', ping)).toMatchObject({ status: 404, json: { code: 'unknown_session' } });
    expect((await edge.call('/messages', ping)).status).toBe(404);
  });
});
