import { agentKey, newTurnId, type TurnEvent } from '@codex-mcp/contracts';
import { TurnStore } from '@codex-mcp/messaging';
import { eventually, startRedis } from '@codex-mcp/testing';
import type { MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { type TestEdge } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(30_000); // on a busy machine

type Turn = OutputOf<(typeof MANAGEMENT_TOOLS)['get_turn']>;

let system: TestSystem;
let redis: Redis;
let worker: StandInWorker;
let edge: TestEdge;

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), {}, ['mine', 'theirs']);
  ({ redis, worker, edge } = system);
});
afterAll(() => system.stop());
beforeEach(async () => {
  await eventually(() => worker.reset());
  worker.onSteer = ({ steerId, text }) => ({ type: 'steered', steerId, text });
});

const as = (token: string) => ({
  call: async (tool: string, args: object = {}) => (await edge.call(`/tools/${tool}`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(args) })).json,
  output: async <Output = Record<string, unknown>>(tool: string, args: object = {}) => (await as(token).call(tool, args))['structuredContent'] as Output,
});
const me = as('mine');
const getTurn = (turnId: string, more: object = {}) => me.output<Turn>('get_turn', { turn_id: turnId, ...more });
const start = async (agentId: string, message = 'hi', more: object = {}) => String((await me.output('start', { tool: 'chat', arguments: { message, ...more }, agent_id: agentId }))?.['turn_id']);
const whole = (turn: Turn) => turn.events.filter(({ partial }) => partial !== true);

const happenings: TurnEvent[] = [
  { type: 'status', message: 'The model asks to wait' },
  { type: 'item_started', item: { type: 'command', id: 'c', command: 'npm test', status: 'running' } },
  { type: 'item_completed', item: { type: 'command', id: 'c', command: 'npm test', status: 'failed', exitCode: 1, output: `${'x'.repeat(5000)}1 failed` } },
  { type: 'item_completed', item: { type: 'file_change', id: 'f', status: 'completed', files: [{ path: 'a.ts', kind: 'update' }] } },
  { type: 'usage', usage: { inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0 } },
  { type: 'delta', itemId: 'm', text: 'One test ' },
  { type: 'delta', itemId: 'm', text: 'fails' },
];

describe('start', () => {
  it('returns at once with a turn that get_turn waits for', async () => {
    const held = new HeldTurns(worker);
    const started = await me.output('start', { tool: 'codex_chat', arguments: { message: 'go' }, agent_id: 'starter' });
    expect(started).toMatchObject({ agent_id: 'starter', tool: 'chat', status: 'queued', position: 0, next: expect.stringContaining('get_turn') });
    const behind = await me.output('start', { tool: 'chat', arguments: { message: 'behind', agent_id: 'starter' } });
    expect(behind).toMatchObject({ agent_id: 'starter', position: 1 });
    await held.first();
    held.release();
    const turn = await eventually(async () => {
      const seen = await getTurn(String(started['turn_id']), { wait_s: 5 });
      return seen.status === 'completed' && seen;
    });
    expect(turn.result).toMatchObject({ answer: 'echo: "go"', turn_id: started['turn_id'] });
    expect(turn.finished_at).toEqual(expect.any(String));
    await eventually(async () => (await getTurn(String(behind['turn_id']))).status === 'completed');
  });

  it.each([
    [{ tool: 'cancel', arguments: {} }, 'invalid_arguments'],
    [{ tool: 'chat', arguments: { massage: 'x' } }, 'invalid_arguments'],
    [{ tool: 'chat', arguments: { message: 'x' }, agent_id: '../x' }, 'invalid_agent_id'],
  ])('refuses %j as %s without queueing anything', async (args, code) => {
    expect(await me.call('start', args)).toMatchObject({ code });
    expect(worker.seen).toEqual([]);
  });
});

describe('get_turn', () => {
  it('tells what happened: finished things once, a message as far as it goes', async () => {
    const held = new HeldTurns(worker);
    const turnId = await start('teller');
    await (await held.first()).append(...happenings);
    const turn = await getTurn(turnId);
    expect(turn).toMatchObject({ status: 'running', tool: 'chat', agent_id: 'teller', more: false });
    expect(turn.events).toEqual([
      expect.objectContaining({ seq: 1, type: 'queued' }),
      expect.objectContaining({ seq: 2, type: 'started' }),
      expect.objectContaining({ seq: 3, type: 'status', text: 'The model asks to wait' }),
      expect.objectContaining({ seq: 5, type: 'command', text: 'npm test', status: 'failed', exit_code: 1, output: `…${'x'.repeat(1992)}1 failed` }),
      expect.objectContaining({ seq: 6, type: 'file_change', text: 'update a.ts' }),
      expect.objectContaining({ seq: 8, type: 'message', text: 'One test fails', partial: true }),
    ]);
    await held.played[0]?.append({ type: 'item_completed', item: { type: 'message', id: 'm', text: 'One test fails.', interim: false } });
    const rest = await getTurn(turnId, { cursor: turn.next_cursor });
    expect(rest.events).toEqual([expect.objectContaining({ seq: 10, type: 'message', text: 'One test fails.' })]);
    expect(await getTurn(turnId, { cursor: rest.next_cursor })).toMatchObject({ events: [], next_cursor: rest.next_cursor });
    const all = await getTurn(turnId);
    expect(all.events).toEqual([...whole(turn), ...whole(rest)]);
    held.release();
  });

  it('gives a long log in pages that together are all of it', async () => {
    const held = new HeldTurns(worker);
    const turnId = await start('writer');
    const long = (at: number): TurnEvent => ({ type: 'item_completed', item: { type: 'message', id: `m${at}`, text: `${at} ${'y'.repeat(40_000)}`, interim: true } });
    await (await held.first()).append(...Array.from({ length: 5 }, (_, at) => long(at)));
    const seen: number[] = [];
    let cursor: string | undefined;
    let pages = 0;
    for (let more = true; more; pages++) {
      const page = await getTurn(turnId, cursor === undefined ? {} : { cursor });
      seen.push(...page.events.map(({ seq }) => seq));
      ({ next_cursor: cursor, more } = page);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(pages).toBeGreaterThan(2);
    held.release();
  });

  it('waits for something new, and for the end', async () => {
    const held = new HeldTurns(worker);
    const turnId = await start('waiter');
    await held.first();
    const { next_cursor: cursor } = await getTurn(turnId);
    const news = getTurn(turnId, { cursor, wait_s: 50 });
    expect(await Promise.race([news, getTurn(turnId, { cursor })])).toMatchObject({ events: [] });
    await held.played[0]?.append({ type: 'status', message: 'news' });
    const told = await news;
    expect(told.events).toEqual([expect.objectContaining({ type: 'status', text: 'news' })]);
    const end = getTurn(turnId, { cursor: told.next_cursor, wait_s: 50 });
    held.release();
    expect(await end).toMatchObject({ status: 'completed', events: [], result: { answer: 'echo: "hi"' } });
    expect(await getTurn(turnId, { cursor: (await end).next_cursor, wait_s: 50 })).toMatchObject({ status: 'completed', events: [] });
  });

  it('gives the error of a turn that failed', async () => {
    worker.play = async () => ({ type: 'failed', error: { code: 'quota_exceeded', message: 'Wait until Monday.', retryable: false } });
    const turnId = await start('failer');
    await eventually(async () => (await getTurn(turnId)).status === 'failed');
    expect(await getTurn(turnId)).toMatchObject({ error: { code: 'quota_exceeded', message: 'Wait until Monday.' } });
    expect(await me.output('list_turns', { agent_id: 'failer' })).toMatchObject({ turns: [{ turn_id: turnId, status: 'failed', error_code: 'quota_exceeded' }] });
  });
});

describe('list_turns', () => {
  it('shows an agent’s turns, the newest first', async () => {
    expect(await me.output('list_turns', { agent_id: 'lister' })).toEqual({ agent_id: 'lister', turns: [] });
    const turnIds: string[] = [];
    for (const message of ['a', 'b', 'c']) {
      turnIds.push(await start('lister', message));
      await eventually(async () => (await getTurn(turnIds.at(-1) ?? '')).status === 'completed');
    }
    const listed = await me.output<{ turns: Turn[] }>('list_turns', { agent_id: 'lister' });
    expect(listed.turns.map(({ turn_id: id }) => id)).toEqual(turnIds.toReversed());
    expect(listed.turns[0]).toMatchObject({ tool: 'chat', status: 'completed', started_at: expect.any(String) });
    expect((await me.output<{ turns: Turn[] }>('list_turns', { agent_id: 'lister', limit: 1 })).turns).toHaveLength(1);
  });
});

describe('steer', () => {
  it('resolves when the log shows the message, for the running turn or a named one', async () => {
    const held = new HeldTurns(worker);
    const turnId = await start('steered');
    await held.first();
    expect(await me.output('steer', { agent_id: 'steered', message: 'faster' })).toEqual({ turn_id: turnId, steered: true });
    expect(await me.output('steer', { turn_id: turnId, message: 'slower' })).toEqual({ turn_id: turnId, steered: true });
    const texts = (await getTurn(turnId)).events.filter(({ type }) => type === 'steered').map(({ text }) => text);
    expect(texts).toEqual(['faster', 'slower']);
    held.release();
  });

  it('passes on why the worker refused', async () => {
    worker.onSteer = ({ steerId }) => ({ type: 'steer_refused', steerId, error: { code: 'turn_not_steerable', message: 'Not at work yet.', retryable: true } });
    const held = new HeldTurns(worker);
    const turnId = await start('refuser');
    await held.first();
    expect(await me.call('steer', { turn_id: turnId, message: 'x' })).toMatchObject({ code: 'turn_not_steerable', detail: 'Not at work yet.', status: 409, turn_id: turnId });
    held.release();
  });

  it('is refused where nothing runs, before a turn has begun and after its end', async () => {
    expect(await me.call('steer', { agent_id: 'idler', message: 'x' })).toMatchObject({ code: 'turn_not_steerable', detail: expect.stringContaining('runs no turn') });
    const held = new HeldTurns(worker);
    const first = await start('idler');
    const second = await start('idler');
    await held.first();
    expect(await me.call('steer', { turn_id: second, message: 'x' })).toMatchObject({ code: 'turn_not_steerable', detail: expect.stringContaining('has not begun') });
    held.release();
    await eventually(async () => (await getTurn(first)).status === 'completed');
    expect(await me.call('steer', { turn_id: first, message: 'x' })).toMatchObject({ code: 'turn_not_steerable', detail: expect.stringContaining('has ended (completed)') });
  });

  it('gives up at once when the turn ends meanwhile', async () => {
    worker.onSteer = () => undefined;
    const held = new HeldTurns(worker);
    const turnId = await start('ender');
    await held.first();
    let sent = false;
    worker.onSteer = () => void (sent = true);
    const refused = me.call('steer', { turn_id: turnId, message: 'x' });
    await eventually(() => sent);
    held.release();
    expect(await refused).toMatchObject({ code: 'turn_not_steerable', detail: expect.stringContaining('just ended (completed)') });
  });

  it('says so when no worker reacts', async () => {
    worker.onSteer = () => undefined;
    const held = new HeldTurns(worker);
    const turnId = await start('mute');
    await held.first();
    expect(await me.call('steer', { turn_id: turnId, message: 'x' })).toMatchObject({ code: 'turn_not_steerable', detail: expect.stringContaining('within 10 s') });
    held.release();
  });
});

describe('a foreign turn', () => {
  it.each(['get_turn', 'steer', 'cancel'])('is the same error as an unknown one for %s', async (tool) => {
    const held = new HeldTurns(worker);
    const turnId = await start('owner');
    await held.first();
    const args = tool === 'steer' ? { message: 'x' } : {};
    const anonymous = (problem: Record<string, unknown>) => ({ ...problem, correlation_id: '' });
    const foreign = await as('theirs').call(tool, { turn_id: turnId, ...args });
    expect(anonymous(foreign)).toEqual(anonymous(await as('theirs').call(tool, { turn_id: newTurnId(), ...args })));
    expect(foreign).toMatchObject({ code: 'unknown_turn', status: 404 });
    expect(foreign).not.toHaveProperty('turn_id');
    expect((await new TurnStore(redis).load(turnId))?.request.agent.key).toBe(agentKey('mine', 'owner'));
    held.release();
  });
});
