import { agentKey, newTurnId } from '@codex-mcp/contracts';
import { AgentStore, ThreadStore } from '@codex-mcp/messaging';
import { eventually, startRedis } from '@codex-mcp/testing';
import type { MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connectClient, TRANSPORTS } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { agentRecord, type PlayedTurn, echo } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(30_000); // on a busy machine

type Tools = typeof MANAGEMENT_TOOLS;
type Threads = OutputOf<Tools['list_threads']>['threads'];
type Fork = OutputOf<Tools['fork']>;
type Chat = { turn_id: string; thread_id: string };

const THREAD_ID = /^thread_[0-9a-f]{32}$/;

let system: TestSystem;
let threads: ThreadStore;

beforeAll(async () => {
  system = await startTestSystem(await startRedis());
  threads = new ThreadStore(system.redis);
});
afterAll(() => system.stop());
beforeEach(async () => {
  await eventually(() => system.worker.reset());
  system.worker.play = likeAWorker;
});

/** Gives the turn's thread an id of Codex first. */
async function likeAWorker(turn: PlayedTurn) {
  const { key } = turn.request.agent;
  const epoch = Number(await system.redis.hget(`codex-mcp:agent:${key}`, 'epoch'));
  await threads.bind(key, turn.threadId, `codex-${turn.threadId}`, { epoch, token: 'token' });
  return echo(turn);
}

const call = async (tool: string, args: object = {}, headers: Record<string, string> = {}) => (await system.edge.call(`/tools/${tool}`, { method: 'POST', headers, body: JSON.stringify(args) })).json;
const output = async <Output>(tool: string, args: object = {}) => (await call(tool, args))['structuredContent'] as Output;
const as = (agentId: string) => ({
  chat: (message: string, more: object = {}) => output<Chat>('chat', { message, agent_id: agentId, ...more }),
  fork: (more: object = {}) => output<Fork>('fork', { agent_id: agentId, ...more }),
  begin: async (more: object = {}) => (await output<{ thread_id: string }>('new_thread', { agent_id: agentId, ...more })).thread_id,
  list: async (more: object = {}) => (await output<{ threads: Threads }>('list_threads', { agent_id: agentId, ...more })).threads,
});

describe('a turn', () => {
  it('continues the current thread, and every view of it names that', async () => {
    const anna = as('anna');
    const first = await anna.chat('hello');
    expect(first.thread_id).toMatch(THREAD_ID);
    expect((await anna.chat('again')).thread_id).toBe(first.thread_id);
    expect(await output('get_turn', { turn_id: first.turn_id })).toMatchObject({ thread_id: first.thread_id });
    expect(await output('list_turns', { agent_id: 'anna' })).toMatchObject({ turns: [{ thread_id: first.thread_id }, { thread_id: first.thread_id }] });
    await new AgentStore(system.redis).save(agentRecord('local', 'anna', { status: 'stopped' }));
    for (const tool of ['get_my_session_info', 'get_agent_status']) expect(await output(tool, { agent_id: 'anna' })).toMatchObject({ thread_id: first.thread_id });
  });

  it('continues the thread that it names, which is the current one from then on', async () => {
    const bert = as('bert');
    const { thread_id: old } = await bert.chat('old');
    const fresh = await bert.begin();
    expect((await bert.chat('fresh')).thread_id).toBe(fresh);
    expect((await bert.chat('back', { thread_id: old })).thread_id).toBe(old);
    expect((await bert.chat('still')).thread_id).toBe(old);
  });

  it('keeps its thread when another is begun while it waits', async () => {
    const held = new HeldTurns(system.worker);
    const started = await output<{ turn_id: string; thread_id: string }>('start', { tool: 'chat', arguments: { message: 'x', agent_id: 'carl' } });
    const playing = await held.first();
    const queued = await output<{ turn_id: string; thread_id: string }>('start', { tool: 'chat', arguments: { message: 'y', agent_id: 'carl' } });
    await as('carl').begin();
    held.release();
    await eventually(async () => expect(await output('get_turn', { turn_id: queued.turn_id })).toMatchObject({ status: 'completed', result: { thread_id: started.thread_id } }));
    expect(playing.threadId).toBe(started.thread_id);
    expect(queued.thread_id).toBe(started.thread_id);
  });

  it.each([
    ['that never was', async () => `thread_${'0'.repeat(32)}`],
    ['of another agent', () => as('stranger').begin()],
    ['that is no id', async () => '../x'],
  ])('cannot name a thread %s', async (_, threadOf) => {
    const { length } = system.worker.seen;
    const args = { message: 'x', agent_id: 'dora', thread_id: await threadOf() };
    expect(await call('chat', args)).toMatchObject({ code: 'unknown_thread', status: 404, detail: expect.stringContaining('list_threads') });
    expect(await call('start', { tool: 'chat', arguments: args })).toMatchObject({ code: 'unknown_thread' });
    expect(await output('list_turns', { agent_id: 'dora' })).toMatchObject({ turns: [] });
    expect(system.worker.seen).toHaveLength(length);
  });

  it('is found again by its idempotency key, whatever the current thread is by then', async () => {
    const emma = as('emma');
    const first = await emma.chat('once', { idempotency_key: 'k' });
    const fresh = await emma.begin();
    expect(await emma.chat('once', { idempotency_key: 'k' })).toMatchObject({ turn_id: first.turn_id, thread_id: first.thread_id });
    expect((await emma.chat('next')).thread_id).toBe(fresh);
    expect(await call('chat', { message: 'once', agent_id: 'emma', idempotency_key: 'k', thread_id: fresh })).toMatchObject({ code: 'idempotency_conflict' });
  });

  it('that takes long has its thread in its handle', async () => {
    const held = new HeldTurns(system.worker);
    const answer = await system.edge.call('/tools/chat', { method: 'POST', headers: { prefer: 'respond-async' }, body: JSON.stringify({ message: 'x', agent_id: 'fred' }) });
    expect(answer).toMatchObject({ status: 202, json: { thread_id: (await held.first()).threadId } });
    held.release();
  });
});

describe('list_threads', () => {
  it('shows the one used last first, with a title or how it began', async () => {
    const gina = as('gina');
    expect(await gina.list()).toEqual([]);
    const { thread_id: first } = await gina.chat('What is\n this about?');
    await gina.chat('More');
    const second = await gina.begin({ title: ' Caching ' });
    await gina.chat('Hm', { thread_id: first });
    expect(await gina.list()).toEqual([
      { thread_id: first, title: 'What is this about?', current: true, turns: 3, created_at: expect.any(String), last_turn_at: expect.any(String) },
      { thread_id: second, title: 'Caching', current: false, turns: 0, created_at: expect.any(String) },
    ]);
    expect(await gina.list({ limit: 1 })).toHaveLength(1);
  });
});

describe('fork', () => {
  it('branches off after the last turn that has ended, or after one that is named', async () => {
    const hugo = as('hugo');
    const turns = [await hugo.chat('one'), await hugo.chat('two')];
    const { thread_id: parent = '' } = turns[0] ?? {};
    const latest = await hugo.fork({ title: 'Branch' });
    expect(latest).toEqual({ agent_id: 'hugo', thread_id: expect.stringMatching(THREAD_ID), title: 'Branch', forked_from: { thread_id: parent, turn_id: turns[1]?.turn_id } });
    const early = await hugo.fork({ turn_id: turns[0]?.turn_id });
    expect(early.forked_from).toEqual({ thread_id: parent, turn_id: turns[0]?.turn_id });
    expect((await hugo.chat('three')).thread_id).toBe(early.thread_id);
    expect((await hugo.list()).find(({ thread_id }) => thread_id === parent)).toMatchObject({ turns: 2, current: false });
    expect(await threads.get(agentKey('local', 'hugo'), early.thread_id)).toMatchObject({ forkedFrom: { codexThreadId: `codex-${parent}` } });
  });

  it('of a fork that has no turn of its own is where its parent was', async () => {
    const ida = as('ida');
    const { thread_id: parent, turn_id: turn } = await ida.chat('one');
    const fork = await ida.fork();
    const second = await ida.fork();
    expect(second.forked_from).toEqual({ thread_id: fork.thread_id, turn_id: turn });
    expect(await threads.get(agentKey('local', 'ida'), second.thread_id)).toMatchObject({ forkedFrom: { throughTurnId: turn, codexThreadId: `codex-${parent}` } });
  });

  it('takes the turns that have ended, not the one that runs', async () => {
    const jan = as('jan');
    const { turn_id: done } = await jan.chat('done');
    const held = new HeldTurns(system.worker);
    const { turn_id: running } = await output<Chat>('start', { tool: 'chat', arguments: { message: 'x' }, agent_id: 'jan' });
    await held.first();
    expect(await call('fork', { agent_id: 'jan', turn_id: running })).toMatchObject({ code: 'invalid_arguments', detail: expect.stringContaining('has not ended (running)') });
    expect((await jan.fork()).forked_from.turn_id).toBe(done);
    held.release();
  });

  it.each<[string, object, string, string]>([
    ['without any turn', {}, 'invalid_arguments', 'nothing to branch off'],
    ['of an unknown thread', { thread_id: 'thread_x' }, 'unknown_thread', 'list_threads'],
    ['after an unknown turn', { turn_id: newTurnId() }, 'unknown_turn', 'list_turns'],
  ])('%s says what is wrong', async (_, args, code, words) => {
    expect(await call('fork', { agent_id: 'kim', ...args })).toMatchObject({ code, detail: expect.stringContaining(words) });
    expect(await as('kim').list()).toEqual([]);
  });

  it('after a turn of elsewhere says whose it is', async () => {
    const { turn_id: turn, thread_id: thread } = await as('lena').chat('mine');
    expect(await call('fork', { agent_id: 'max', turn_id: turn })).toMatchObject({ code: 'invalid_arguments', detail: expect.stringContaining('"lena"') });
    const empty = await as('lena').begin();
    expect(await call('fork', { agent_id: 'lena', turn_id: turn, thread_id: empty })).toMatchObject({ code: 'invalid_arguments', detail: expect.stringContaining(thread) });
    expect(await call('fork', { agent_id: 'lena', thread_id: empty })).toMatchObject({ code: 'invalid_arguments', detail: expect.stringContaining(`${empty} has no turn`) });
  });

  it('after a turn that was cancelled before it began is refused', async () => {
    const held = new HeldTurns(system.worker);
    await output('start', { tool: 'chat', arguments: { message: 'x' }, agent_id: 'nora' });
    await held.first();
    const { turn_id: waiting } = await output<Chat>('start', { tool: 'chat', arguments: { message: 'y' }, agent_id: 'nora' });
    expect(await output('cancel', { turn_id: waiting })).toMatchObject({ cancelled: true });
    expect(await call('fork', { agent_id: 'nora', turn_id: waiting })).toMatchObject({ code: 'invalid_arguments', detail: expect.stringContaining('without Codex having begun it') });
    held.release();
  });
});

describe.each(TRANSPORTS)('over MCP (%s)', (transport) => {
  it('the SDK’s client takes what the tools return', async () => {
    const client = await connectClient(system.edge, transport, { name: `otto ${transport}` });
    await client.listTools(); // from then on it validates results
    const structured = async (name: string, args: Record<string, unknown> = {}) => (await client.callTool({ name, arguments: args })).structuredContent as Record<string, unknown>;
    const { thread_id: parent } = await structured('chat', { message: 'hello' });
    expect(await structured('codex_fork')).toMatchObject({ forked_from: { thread_id: parent } });
    const { thread_id: fresh } = await structured('new_thread', { title: 't' });
    expect(await structured('list_threads')).toMatchObject({ threads: [{ thread_id: fresh, current: true }, expect.anything(), expect.anything()] });
    expect(await client.callTool({ name: 'chat', arguments: { message: 'x', thread_id: 'thread_x' } })).toMatchObject({ isError: true, _meta: { 'codex-mcp/error': { code: 'unknown_thread' } } });
    await client.close();
  });
});
