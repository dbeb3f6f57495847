import { eventually, type RedisFixture, roundRobin, type RoundRobin, startRedis } from '@codex-mcp/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { connectClient, type RawAnswer, rawCall, startTestEdge, type TestEdge, TRANSPORTS } from '../../testing/edge.fixture.js';
import { HeldTurns } from '../../testing/held-turn.fixture.js';
import { echo } from '../../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../../testing/system.fixture.js';

jest.setTimeout(30_000); // on a busy machine

let redisServer: RedisFixture;
let system: TestSystem;
let others: TestEdge[];
let balancer: RoundRobin;
let balanced: TestEdge;
const clients: { close(): Promise<void> }[] = [];



beforeAll(async () => {
  redisServer = await startRedis();
  system = await startTestSystem(redisServer, { PROGRESS_INTERVAL: '0.2' });
  others = [await system.replica(), await system.replica()];
  balancer = await roundRobin([system.edge, ...others].map(({ url }) => url));
  const port = Number(new URL(balancer.url).port);
  balanced = { ...system.edge, port, url: balancer.url, call: (path, init) => rawCall(port, path, init) };
});
afterAll(async () => {
  await balancer.close();
  await system.stop();
});
beforeEach(async () => void (await eventually(() => system.worker.reset())));
afterEach(async () => void (await Promise.all(clients.splice(0).map((client) => client.close().catch(() => undefined)))));

const kept = <Opened extends { close(): Promise<void> }>(client: Opened): Opened => {
  clients.push(client);
  return client;
};
const chat = (client: Client, message: string, options?: Parameters<Client['callTool']>[2]) => client.callTool({ name: 'chat', arguments: { message } }, CallToolResultSchema, options);

describe.each(TRANSPORTS)('three replicas behind a balancer, over %s', (transport) => {
  const connect = async (options: Parameters<typeof connectClient>[2] = {}) => kept(await connectClient(balanced, transport, options));

  it('serve one session, whichever is asked', async () => {
    const client = await connect({ name: 'wanderer' });
    const before = [...balancer.counts];
    for (const message of ['1', '2', '3', '4']) expect(await chat(client, message)).toMatchObject({ structuredContent: { answer: `echo: "${message}"`, agent_id: 'wanderer' } });
    expect(balancer.counts.every((count, index) => count > (before[index] ?? 0))).toBe(true);
  });

  it('bring the client’s answers to the replica that asked', async () => {
    const client = await connect({ roots: () => ['file:///home/ada/project'] });
    for (const message of ['1', '2', '3']) {
      await chat(client, message);
      expect(system.worker.seen.at(-1)?.workspace).toEqual({ hints: ['/home/ada/project'] });
    }
  });

  it('remember together which directory a session has named', async () => {
    const client = await connect();
    await client.callTool({ name: 'chat', arguments: { message: 'x', workspace: '/srv/named' } });
    for (const message of ['1', '2', '3']) {
      await chat(client, message);
      expect(system.worker.seen.at(-1)?.workspace).toEqual({ path: '/srv/named' });
    }
  });

  it('cancel a call, wherever the cancellation comes in', async () => {
    const client = await connect();
    for (const attempt of [1, 2, 3]) {
      const held = new HeldTurns(system.worker);
      const cancel = new AbortController();
      const call = chat(client, `long ${attempt}`, { signal: cancel.signal });
      const turn = await held.first();
      cancel.abort('enough');
      await expect(call).rejects.toThrow('enough');
      await turn.cancelled;
      await eventually(() => system.worker.reset());
    }
  });

  it('bring progress', async () => {
    const messages: string[] = [];
    await chat(await connect(), 'x', { onprogress: ({ message }) => void messages.push(message ?? '') });
    expect(messages[0]).toBe('queued, next to run');
  });
});

describe('three replicas behind a balancer', () => {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' };
  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } } };
  const post = (edge: TestEdge, body: unknown, more: Record<string, string> = {}): Promise<RawAnswer> => edge.call('/mcp', { method: 'POST', headers: { ...headers, ...more }, body: JSON.stringify(body) });
  const open = async (edge: TestEdge): Promise<Record<string, string>> => ({ 'mcp-session-id': String((await post(edge, initialize)).headers['mcp-session-id']) });
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
  const call = { jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'chat', arguments: { message: 'x' } } };
  const [first, second] = [() => system.edge, () => others[0] as TestEdge];

  it('go on with a session whose replica has ended', async () => {
    const leaving = await startTestEdge(redisServer.url);
    const session = await open(leaving);
    await leaving.close();
    expect((await post(first(), list, session)).text).toContain('"chat"');
  });

  it('end a session everywhere', async () => {
    const session = await open(first());
    expect((await post(second(), list, session)).status).toBe(200);
    expect((await second().call('/mcp', { method: 'DELETE', headers: { ...headers, ...session } })).status).toBe(200);
    await eventually(async () => expect((await post(first(), list, session)).status).toBe(404));
    expect((await post(second(), list, session)).status).toBe(404);
  });

  it('give the rest of a call’s stream to who comes back for it, at any of them', async () => {
    const held = new HeldTurns(system.worker);
    const session = await open(first());
    const leaving = new AbortController();
    const broken = await fetch(`${first().url}/mcp`, { method: 'POST', headers: { ...headers, ...session }, body: JSON.stringify({ ...call, params: { ...call.params, _meta: { progressToken: 'p' } } }), signal: leaving.signal });
    const reader = broken.body?.getReader();
    let received = '';
    while (!received.includes('queued, next to run')) received += new TextDecoder().decode((await reader?.read())?.value);
    await held.first();
    leaving.abort();
    const [last] = [...received.matchAll(/^id: (.*)$/gm)].at(-1)?.slice(1) ?? [];
    const rest = second().call('/mcp', { headers: { ...headers, ...session, 'last-event-id': String(last) } });
    held.release();
    const { text } = await rest;
    expect(text).toContain('echo: \\"x\\"');
    expect(text).not.toContain('queued, next to run');
    // From the beginning it is all there, in the order and with the ids that it had.
    const whole = await others[1]?.call('/mcp', { headers: { ...headers, ...session, 'last-event-id': /^id: (.*)$/m.exec(received)?.[1] ?? '' } });
    expect(whole?.text).toContain('queued, next to run');
    expect(whole?.text.endsWith(text)).toBe(true);
  });

  it('serve clients of revision 2026-07-28, and cancel when their streams end', async () => {
    const client = kept(new ModernClient({ name: 'modern', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } }));
    await client.connect(new ModernTransport(new URL(`${balancer.url}/mcp`)));
    for (const message of ['1', '2', '3']) expect(await client.callTool({ name: 'chat', arguments: { message } })).toMatchObject({ structuredContent: { answer: `echo: "${message}"` } });
    const held = new HeldTurns(system.worker);
    const ending = new AbortController();
    const long = client.callTool({ name: 'chat', arguments: { message: 'long' } }, { signal: ending.signal });
    const turn = await held.first();
    ending.abort();
    await expect(long).rejects.toThrow();
    await turn.cancelled;
    system.worker.play = echo;
  });
});

describe('sessions of several principals', () => {
  it('are each their own’s, at every replica', async () => {
    const guarded = await startTestSystem(await startRedis(), {}, ['alpha', 'beta']);
    try {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } } });
      const as = (token: string) => ({ authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' });
      const opened = await guarded.edge.call('/mcp', { method: 'POST', headers: as('alpha'), body });
      const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
      const second = await guarded.replica();
      const list = JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
      for (const edge of [second, guarded.edge, second]) {
        expect((await edge.call('/mcp', { method: 'POST', headers: { ...as('beta'), ...session }, body: list })).status).toBe(404);
        expect((await edge.call('/mcp', { method: 'POST', headers: { ...as('alpha'), ...session }, body: list })).status).toBe(200);
      }
      for (const id of [1, 2, 3, 4, 5]) {
        const mine = { 'mcp-session-id': String((await guarded.edge.call('/mcp', { method: 'POST', headers: as('alpha'), body })).headers['mcp-session-id']) };
        const ask = (token: string) => second.call('/mcp', { method: 'POST', headers: { ...as(token), ...mine }, body: JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' }) });
        expect((await Promise.all([ask('beta'), ask('alpha')])).map(({ status }) => status)).toEqual([404, 200]);
      }
      const stream = await fetch(`${guarded.edge.url}/sse`, { headers: as('alpha') });
      const path = /data: (\S+)/.exec(new TextDecoder().decode((await stream.body?.getReader().read())?.value))?.[1] ?? '';
      const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
      expect((await second.call(path, { method: 'POST', headers: as('beta'), body: ping })).status).toBe(404);
      expect((await second.call(path, { method: 'POST', headers: as('alpha'), body: ping })).status).toBe(202);
      expect((await second.call(path, { method: 'POST', headers: as('alpha'), body: '{"no":"rpc"}' })).status).toBe(400);
    } finally {
      await guarded.stop();
    }
  });
});
