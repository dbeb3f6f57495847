import { AgentStore } from '@codex-mcp/messaging';
import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client as ModernClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { connectClient, TRANSPORTS } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { agentRecord } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

let system: TestSystem;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), {}, ['mine', 'theirs']);
  await new AgentStore(system.redis).save(agentRecord('mine', 'ada'));
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => system.worker.reset())));
afterEach(async () => void (await Promise.all(closing.splice(0).map((close) => close()))));

const headers = (token: string) => ({ authorization: `Bearer ${token}` });

/** A turn of ada's that goes on until it is released. */
async function running() {
  const held = new HeldTurns(system.worker);
  const { json } = await system.edge.call('/tools/chat', { method: 'POST', headers: { ...headers('mine'), prefer: 'respond-async' }, body: '{"message":"x","agent_id":"ada"}' });
  const turn = await held.first();
  return { held, turn, uri: `agent://ada/turns/${String(json['turn_id'])}` };
}

const say = (text: string) => ({ type: 'delta' as const, itemId: 'm', text });

async function connect(transport: (typeof TRANSPORTS)[number], token = 'mine') {
  const client = await connectClient(system.edge, transport, { headers: headers(token) });
  closing.push(() => client.close());
  const updated: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri));
  return { client, updated };
}

describe.each(TRANSPORTS)('over %s a client that subscribes to the transcript of a turn', (transport) => {
  it('is told when it has grown and when the turn has ended, and reads it then', async () => {
    const { held, turn, uri } = await running();
    const { client, updated } = await connect(transport);
    await client.subscribeResource({ uri });
    await eventually(() => updated.length > 0); // what there was already
    const before = updated.length;
    await turn.append(say('half of '));
    await eventually(() => updated.length > before);
    const half = (await client.readResource({ uri })).contents[0] as { text: string };
    expect(half.text).toContain('half of');
    held.release();
    await eventually(async () => ((await client.readResource({ uri })).contents[0] as { text: string }).text.includes('**completed**'));
    await eventually(() => updated.length > before + 1);
    expect(new Set(updated)).toEqual(new Set([uri]));
  });

  it('is not told any more when it has unsubscribed', async () => {
    const { held, uri } = await running();
    const [{ client, updated }, witness] = [await connect(transport), await connect(transport)];
    await client.subscribeResource({ uri });
    await witness.client.subscribeResource({ uri });
    await eventually(() => updated.length > 0);
    await client.unsubscribeResource({ uri });
    const [before, toldWitness] = [updated.length, witness.updated.length];
    held.release();
    await eventually(async () => ((await client.readResource({ uri })).contents[0] as { text: string }).text.includes('**completed**'));
    await eventually(() => witness.updated.length > toldWitness);
    await client.ping(); // whatever had been sent before is here
    expect(updated).toHaveLength(before);
  });

  it('must be of its tenant, and can subscribe to nothing else', async () => {
    const { held, uri } = await running();
    const mine = await connect(transport);
    await expect((await connect(transport, 'theirs')).client.subscribeResource({ uri })).rejects.toMatchObject({ code: -32602 });
    for (const other of ['agent://ada', 'agent://ada/diff', uri.replace('ada', 'bob'), 'file:///x']) await expect(mine.client.subscribeResource({ uri: other })).rejects.toMatchObject({ code: -32602 });
    held.release();
  });
});

it('a subscription is taken back at another replica', async () => {
  const { held, uri } = await running();
  const { client, updated } = await connect('http');
  const witness = await connect('http');
  await client.subscribeResource({ uri });
  await witness.client.subscribeResource({ uri });
  await eventually(() => updated.length > 0);
  const other = await system.replica();
  const body = JSON.stringify({ jsonrpc: '2.0', id: 99, method: 'resources/unsubscribe', params: { uri } });
  const answer = await other.call('/mcp', { method: 'POST', headers: { ...headers('mine'), 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-session-id': client.transport?.sessionId ?? '' }, body });
  expect(answer.status).toBe(200);
  const [before, toldWitness] = [updated.length, witness.updated.length];
  held.release();
  await eventually(() => witness.updated.length > toldWitness);
  await client.ping();
  expect(updated).toHaveLength(before);
});

it('a client of 2026-07-28 listens for what it may see', async () => {
  const { held, turn, uri } = await running();
  const listen = async (token: string) => {
    const client = new ModernClient({ name: 'Modern Client', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    closing.push(() => client.close());
    const updated: string[] = [];
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => void updated.push(params.uri));
    await client.connect(new StreamableHTTPClientTransport(new URL(`${system.edge.url}/mcp`), { requestInit: { headers: headers(token) } }));
    const { honoredFilter } = await client.listen({ resourceSubscriptions: [uri] });
    return { updated, honoured: honoredFilter.resourceSubscriptions ?? [] };
  };
  const [{ updated, honoured }, foreign] = [await listen('mine'), await listen('theirs')];
  expect([honoured, foreign.honoured]).toEqual([[uri], []]);
  await eventually(() => updated.length > 0);
  const before = updated.length;
  await turn.append(say('more'));
  await eventually(() => updated.length > before);
  held.release();
  await eventually(() => updated.length > before + 1);
  expect(new Set(updated)).toEqual(new Set([uri]));
  expect(foreign.updated).toEqual([]);
});
