import { agentKey } from '@codex-mcp/contracts';
import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { connectClient, type TestEdge, type TransportName } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import type { StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

let system: TestSystem;
let worker: StandInWorker;
let edge: TestEdge;
const clients: Client[] = [];

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), { HANDLE_AFTER: '0.5' }, ['mine', 'theirs']);
  ({ worker, edge } = system);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));
afterEach(async () => void (await Promise.all(clients.splice(0).map((client) => client.close()))));

type Session = { threadId: string; content: string; turn_id: string; agent_id: string; status?: string };

/** A client that knows the tools' schemas, and so checks results. */
async function connect({ transport = 'http', token = 'mine', ...options }: { transport?: TransportName; token?: string; name?: string; query?: string } = {}): Promise<Client> {
  const client = await connectClient(edge, transport, { ...options, headers: { authorization: `Bearer ${token}` } });
  clients.push(client);
  await client.listTools();
  return client;
}
// With progress there are no handles.
const call = (client: Client, name: string, args: object) => client.callTool({ name, arguments: { ...args } }, undefined, { onprogress: () => undefined });
const session = async (client: Client, name: string, args: object) => (await call(client, name, args)).structuredContent as Session;
const post = (name: string, body: object, headers: Record<string, string> = {}) => edge.call(`/tools/${name}`, { method: 'POST', headers: { authorization: 'Bearer mine', ...headers }, body: JSON.stringify(body) });
const unknownThread = { isError: true, _meta: { 'codex-mcp/error': { code: 'unknown_thread' } } };

describe('codex and codex-reply', () => {
  it('answer with the last message, as text and beside the threadId', async () => {
    const client = await connect({ name: 'Old Client' });
    const result = await call(client, 'codex', { prompt: 'hello', 'approval-policy': 'never', sandbox: 'workspace-write' });
    expect(result.content).toEqual([{ type: 'text', text: 'echo: "hello"' }]);
    expect(result.structuredContent).toEqual({ threadId: expect.stringMatching(/^old-client\/thread_[0-9a-f]{32}$/), content: 'echo: "hello"', agent_id: 'old-client', turn_id: worker.seen[0]?.turnId });
    expect(worker.seen[0]).toMatchObject({ tool: 'chat', arguments: { message: 'hello' } });
    expect(worker.seen[0]).not.toHaveProperty('access');
  });

  it('begin a conversation each, and go on with it over any connection of the tenant', async () => {
    const client = await connect({ name: 'beginner' });
    const [first, second] = [await session(client, 'codex', { prompt: 'a' }), await session(client, 'codex', { prompt: 'b' })];
    expect(second.threadId).not.toBe(first.threadId);
    const reply = { threadId: first.threadId, prompt: 'c' };
    expect(await session(await connect({ name: 'another', transport: 'sse' }), 'codex-reply', reply)).toMatchObject({ threadId: first.threadId, content: 'echo: "c"', agent_id: 'beginner' });
    expect(await session(client, 'codex-reply', { conversationId: second.threadId, prompt: 'd' })).toMatchObject({ threadId: second.threadId });
    expect(worker.seen[2]?.thread).toMatchObject({ named: first.threadId.split('/')[1] });
    expect(await call(await connect({ token: 'theirs' }), 'codex-reply', reply)).toMatchObject(unknownThread);
    expect(await call(client, 'codex-reply', { threadId: `another/${first.threadId.split('/')[1]}`, prompt: 'x' })).toMatchObject(unknownThread);
    expect(worker.seen).toHaveLength(4);
  });

  it('keep model, effort, sandbox and approval-policy of a conversation', async () => {
    const client = await connect({ name: 'keeper' });
    const { threadId } = await session(client, 'codex', { prompt: 'a', model: 'm-1', sandbox: 'read-only', 'approval-policy': 'untrusted', config: { model_reasoning_effort: 'low' } });
    const other = await session(client, 'codex', { prompt: 'b' });
    await session(client, 'codex-reply', { threadId, prompt: 'c' });
    await session(client, 'codex-reply', { threadId: other.threadId, prompt: 'd' });
    const kept = { access: 'read', arguments: { model: 'm-1', effort: 'low', approval_mode: 'manual' } };
    expect([worker.seen[0], worker.seen[2]]).toMatchObject([kept, kept]);
    expect(worker.seen[3]?.arguments).toEqual({ message: 'd', thread_id: other.threadId.split('/')[1], agent_id: 'keeper', write: true });
    expect(worker.seen[3]).not.toHaveProperty('access');
  });

  it('have an agent for each directory, which stays there', async () => {
    const client = await connect({ name: 'roamer', query: '?workspace=/elsewhere' });
    const begin = (cwd: string, sandbox: string) => session(client, 'codex', { prompt: 'a', cwd, sandbox });
    const [app, same, lib, copy] = [await begin('/src/app', 'workspace-write'), await begin('/src/app/', 'danger-full-access'), await begin('/src/lib', 'workspace-write'), await begin('/src/app', 'read-only')];
    expect(app.agent_id).toMatch(/^roamer-elsewhere-[0-9a-f]{8}-[0-9a-f]{12}$/);
    expect(same.agent_id).toBe(app.agent_id);
    expect(new Set([app.agent_id, lib.agent_id, copy.agent_id]).size).toBe(3);
    expect(worker.seen[0]?.arguments).toMatchObject({ workspace: '/src/app', workspace_mode: 'direct' });
    expect(worker.seen[3]?.arguments).toMatchObject({ workspace: '/src/app', workspace_mode: 'isolated' });
    expect(await session(client, 'codex-reply', { threadId: app.threadId, prompt: 'b' })).toMatchObject({ agent_id: app.agent_id });
    expect(worker.seen[4]?.agent.key).toBe(agentKey('mine', app.agent_id));
    expect(worker.seen[4]).not.toHaveProperty('workspace');
    expect(await session(client, 'codex', { prompt: 'c', cwd: '/src/app', agent_id: 'named' })).toMatchObject({ agent_id: 'named' });
  });

  it('are the same turn and conversation for one idempotency key', async () => {
    const client = await connect({ name: 'repeater' });
    const args = { prompt: 'once', idempotency_key: 'k-1' };
    const first = await session(client, 'codex', args);
    expect(await session(client, 'codex', args)).toEqual(first);
    expect(worker.seen).toHaveLength(1);
  });

  it('answer at the end only, where other tools answer with a handle: their programs would take one for what Codex says', async () => {
    const held = new HeldTurns(worker);
    const client = await connect({ name: 'patient' });
    let isAnswered = false;
    const answer = client.callTool({ name: 'codex', arguments: { prompt: 'long' } }).finally(() => (isAnswered = true));
    await held.first();
    expect((await client.callTool({ name: 'chat', arguments: { message: 'long as well' } })).structuredContent).toMatchObject({ status: expect.stringMatching(/^(queued|running)$/) });
    expect(isAnswered).toBe(false);
    held.release();
    expect(await answer).toMatchObject({ structuredContent: { content: 'echo: "long"' } });
  });
});

describe('over REST', () => {
  it('they are called as any tool, also as jobs', async () => {
    const { json } = await post('codex', { prompt: 'x', agent_id: 'plain' });
    const { threadId } = json['structuredContent'] as Session;
    expect(json).toMatchObject({ structuredContent: { content: 'echo: "x"' }, content: [{ type: 'text', text: 'echo: "x"' }] });
    expect(await post('codex-reply', { threadId, prompt: 'y' }, { prefer: 'respond-async' })).toMatchObject({ status: 202, json: { tool: 'chat', agent_id: 'plain', thread_id: threadId.split('/')[1] } });
    expect(await post('codex', { prompt: 'x', profile: 'p' })).toMatchObject({ status: 422, json: { code: 'invalid_arguments' } });
  });
});
