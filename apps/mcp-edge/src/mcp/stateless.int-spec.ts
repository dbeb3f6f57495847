import { eventually, startRedis } from '@codex-mcp/testing';
import { listTools } from '@codex-mcp/tools';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let system: TestSystem;
const clients: Client[] = [];

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), { PROGRESS_INTERVAL: '0.2' });
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => system.worker.reset())));
afterEach(async () => void (await Promise.all(clients.splice(0).map((client) => client.close()))));

async function connect(options: { name?: string; headers?: Record<string, string> } = {}): Promise<Client> {
  const client = new Client({ name: options.name ?? 'Modern Client', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  clients.push(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(`${system.edge.url}/mcp`), { requestInit: { headers: options.headers ?? {} } }));
  return client;
}

const chat = (client: Client, message: string, options?: Parameters<Client['callTool']>[1]) => client.callTool({ name: 'chat', arguments: { message } }, options);

describe('a client of revision 2026-07-28', () => {
  it('is introduced, and sees the tools as they are in the catalogue', async () => {
    const client = await connect();
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28');
    expect(client.getInstructions()).toContain('agent_id');
    expect((await client.listTools()).tools).toEqual(listTools());
  });

  it('gets the turn’s output, and the agent of its name', async () => {
    const client = await connect();
    await client.listTools(); // from here on it validates results
    expect(await chat(client, 'hello')).toMatchObject({ structuredContent: { answer: 'echo: "hello"', agent_id: 'modern-client' } });
    expect(await chat(await connect({ headers: { 'X-Agent-Id': 'from-header' } }), 'x')).toMatchObject({ structuredContent: { agent_id: 'from-header' } });
  });

  it('gets progress, also in long silences', async () => {
    const held = new HeldTurns(system.worker);
    const messages: string[] = [];
    const call = chat(await connect(), 'go', { onprogress: ({ message }) => void messages.push(message ?? '') });
    await held.first();
    await eventually(() => messages.some((message) => message.startsWith('still working')));
    held.release();
    expect(await call).toMatchObject({ structuredContent: { answer: 'echo: "go"' } });
    expect(messages[0]).toBe('queued, next to run');
  });

  it('cancels the turn when it ends the call', async () => {
    const held = new HeldTurns(system.worker);
    const ending = new AbortController();
    const call = chat(await connect(), 'long', { signal: ending.signal });
    const turn = await held.first();
    ending.abort('enough');
    await expect(call).rejects.toThrow();
    await turn.cancelled;
  });

  it('gets an unknown tool as a protocol error', async () => {
    await expect((await connect()).callTool({ name: 'rm', arguments: {} })).rejects.toMatchObject({ code: -32602 });
  });
});

describe('POST /mcp of revision 2026-07-28', () => {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} };
  const post = (method: string, params: object, headers: Record<string, string> = {}) =>
    system.edge.call('/mcp', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { _meta: meta, ...params } }),
    });

  it('lets listings be kept, and names the server in each answer', async () => {
    const answer = await post('tools/list', {});
    expect(answer).toMatchObject({ status: 200, json: { result: { resultType: 'complete', ttlMs: expect.any(Number), cacheScope: 'public', _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'codex-mcp' } } } } });
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(answer.text)) });
    expect(answer.headers['mcp-session-id']).toBeUndefined();
    expect(answer.json).toMatchObject({ jsonrpc: '2.0', id: 1, result: { tools: JSON.parse(JSON.stringify(listTools())) } });
  });

  it('has the answer to a call behind its progress', async () => {
    const answer = await post('tools/call', { name: 'chat', arguments: { message: 'x' }, _meta: { ...meta, progressToken: 'p' } }, { 'mcp-name': 'chat' });
    const messages = [...answer.text.matchAll(/^data: (.+)$/gm)].map(([, json]) => JSON.parse(json ?? '') as object);
    expect(messages[0]).toMatchObject({ method: 'notifications/progress' });
    expect(messages.at(-1)).toMatchObject({ id: 1, result: { structuredContent: { answer: expect.stringContaining('echo:') } } });
  });

  it('refuses headers that contradict the message', async () => {
    expect(await post('tools/list', {}, { 'mcp-method': 'tools/call' })).toMatchObject({ status: 400, json: { error: { code: -32020 } } });
    expect(await post('tools/call', { name: 'health_check', arguments: {} }, { 'mcp-name': 'chat' })).toMatchObject({ status: 400, json: { error: { code: -32020 } } });
  });

  it('says the headers of a call before they are missed', async () => {
    const held = new HeldTurns(system.worker);
    const answer = await fetch(`${system.edge.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'chat' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'chat', arguments: { message: 'x' }, _meta: meta } }),
    });
    expect(Object.fromEntries(answer.headers)).toMatchObject({ 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    held.release();
    const body = await answer.text();
    expect(body).toContain('echo:');
    expect(body).not.toMatch(/keep-?alive/); // which would have brought the headers
  });
});
