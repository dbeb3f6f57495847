import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { agentKey, newTurnId, type TurnEvent, type TurnRequest } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { createRedis, createSubscriber, TurnLogReader, TurnStore } from './index.js';

let server: RedisFixture;
let redis: Redis;
let subscriber: Redis;
let turns: TurnStore;
let log: TurnLogReader;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  turns = new TurnStore(redis);
  subscriber = createSubscriber(redis);
  log = new TurnLogReader(subscriber, redis);
});

afterAll(async () => {
  redis.disconnect();
  subscriber.disconnect();
  await server.stop();
});

beforeEach(async () => void (await redis.flushall()));

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const mine = { holder: 'worker-1', token: 't1' };
const other = { holder: 'worker-2', token: 't2' };

const request = (turnId = newTurnId()): TurnRequest => ({ turnId, tool: 'chat', agent, arguments: { message: 'hi' }, correlationId: 'c', acceptedAtMs: 1 });
const status = (message: string): TurnEvent => ({ type: 'status', message });
const completed = { type: 'completed', output: { answer: 'done' } } as const;
const cancelled = { type: 'cancelled', error: { code: 'turn_cancelled', message: 'cancelled', retryable: false } } as const;

const eventsOf = async (turnId: string) => (await log.read(turnId)).map(({ event }) => event.type);

async function accepted(): Promise<TurnRequest> {
  const turn = request();
  await turns.accept(turn, 10);
  return turn;
}

async function claimed(turn: TurnRequest, lease = mine) {
  const claim = await turns.claim(turn.turnId, agent.key, lease);
  if (claim.outcome !== 'claimed') throw new Error(claim.outcome);
  return claim;
}

describe('acceptance', () => {
  it('gives each turn its place behind the others of its agent, and takes a turn once', async () => {
    const [first, second] = [request(), request()];
    expect(await turns.accept(first, 10)).toMatchObject({ outcome: 'accepted', position: 0, turnId: first.turnId });
    expect(await turns.accept(second, 10)).toMatchObject({ outcome: 'accepted', position: 1, turnId: second.turnId });
    expect((await turns.accept(first, 10)).outcome).toBe('exists');
    expect(await turns.unfinished(agent.key)).toEqual([first.turnId, second.turnId]);
  });

  it('refuses more than the agent may have waiting', async () => {
    await turns.accept(request(), 1);
    expect(await turns.accept(request(), 1)).toMatchObject({ outcome: 'full', position: 1 });
  });

  it('keeps the request whole', async () => {
    const turn = await accepted();
    expect(await turns.load(turn.turnId)).toMatchObject({ request: turn, status: 'queued', attempts: 0 });
  });
});

describe('a request that is sent twice with one key', () => {
  const keyed = (idempotencyKey: string) => ({ ...request(), idempotencyKey });

  it('is one turn', async () => {
    const first = keyed('k');
    await turns.accept(first, 10);
    expect(await turns.accept(keyed('k'), 10)).toMatchObject({ outcome: 'exists', position: 0, turnId: first.turnId });
    expect(await turns.unfinished(agent.key)).toEqual([first.turnId]);
  });

  it('is another turn with another key, or for another agent', async () => {
    await turns.accept(keyed('k'), 10);
    expect((await turns.accept(keyed('other'), 10)).outcome).toBe('accepted');
    const elsewhere = { key: agentKey('local', 'b'), tenant: 'local', agentId: 'b' };
    expect((await turns.accept({ ...keyed('k'), agent: elsewhere }, 10)).outcome).toBe('accepted');
  });

  it('may be tried again after a refusal', async () => {
    await turns.accept(request(), 1);
    expect((await turns.accept(keyed('k'), 1)).outcome).toBe('full');
    expect((await turns.accept(keyed('k'), 2)).outcome).toBe('accepted');
  });
});

describe('an agent’s turns', () => {
  it('are listed newest first, each with the record that ended it', async () => {
    const turn = await accepted();
    const { attempts, seq } = await claimed(turn);
    await turns.finish(turn, attempts, seq + 1, completed, [status('nearly')]);
    const next = await accepted();
    const listed = await turns.list(agent.key, 10);
    expect(new Set(listed.map(({ request: { turnId } }) => turnId))).toEqual(new Set([turn.turnId, next.turnId]));
    expect(listed.find(({ request: { turnId } }) => turnId === turn.turnId)).toMatchObject({ status: 'completed', terminal: { seq: seq + 2, event: completed } });
    expect(await eventsOf(turn.turnId)).toEqual(['queued', 'started', 'status', 'completed']);
    expect(await turns.list(agent.key, 1)).toHaveLength(1);
  });
});

describe('the lease', () => {
  it('lets only the head of the mailbox begin', async () => {
    const [first, second] = [await accepted(), await accepted()];
    expect((await turns.claim(second.turnId, agent.key, mine)).outcome).toBe('not_head');
    expect((await claimed(first)).epoch).toBe(1);
  });

  it('keeps its epoch while one worker holds it and gets a new one with another', async () => {
    const turn = await accepted();
    expect((await claimed(turn)).epoch).toBe(1);
    expect(await claimed(turn)).toMatchObject({ epoch: 1, attempts: 2 });
    expect(await claimed(turn, other)).toMatchObject({ epoch: 2, attempts: 3 });
  });

  it('refuses all that a former holder still writes', async () => {
    const turn = await accepted();
    const before = await claimed(turn);
    const after = await claimed(turn, other);
    expect(await turns.append(turn.turnId, before.attempts, before.seq + 1, [status('late')])).toBe(false);
    expect((await turns.finish(turn, before.attempts, before.seq + 1, completed)).outcome).toBe('fenced');
    expect((await turns.finish(turn, after.attempts, after.seq + 1, completed)).outcome).toBe('finished');
    expect(await eventsOf(turn.turnId)).toEqual(['queued', 'started', 'started', 'completed']);
  });
});

describe('two runs of one turn in one worker', () => {
  it('are two attempts, and only the newer one writes', async () => {
    const turn = await accepted();
    const [before, after] = [await claimed(turn), await claimed(turn)];
    expect(await turns.append(turn.turnId, before.attempts, before.seq + 1, [status('late')])).toBe(false);
    expect(await turns.append(turn.turnId, after.attempts, after.seq + 1, [status('in time')])).toBe(true);
    expect((await turns.finish(turn, before.attempts, before.seq + 1, completed)).outcome).toBe('fenced');
    await turns.finish(turn, after.attempts, 1, completed); // also with a number that is taken already
    expect(await eventsOf(turn.turnId)).toEqual(['queued', 'started', 'started', 'status', 'completed']);
  });
});

describe('the log', () => {
  it('stores an append that is sent twice once', async () => {
    const turn = await accepted();
    const { attempts, seq } = await claimed(turn);
    const batch = [status('one'), status('two')];
    await turns.append(turn.turnId, attempts, seq + 1, batch);
    await turns.append(turn.turnId, attempts, seq + 1, batch);
    const entries = await log.read(turn.turnId);
    expect(entries.map((entry) => entry.seq)).toEqual([1, 2, 3, 4]);
  });

  it('ends with exactly one terminal record, whoever writes again', async () => {
    const [turn, next] = [await accepted(), await accepted()];
    const { attempts, seq } = await claimed(turn);
    expect(await turns.finish(turn, attempts, seq + 1, completed)).toEqual({ outcome: 'finished', next: next.turnId });
    expect((await turns.finish(turn, attempts, seq + 1, completed)).outcome).toBe('terminal');
    expect(await turns.append(turn.turnId, attempts, seq + 2, [status('after the end')])).toBe(false);
    expect(await eventsOf(turn.turnId)).toEqual(['queued', 'started', 'completed']);
    expect(await turns.load(turn.turnId)).toMatchObject({ status: 'completed' });
  });

  it('is kept for its time after the end, and without limit before', async () => {
    const turn = await accepted();
    expect(await redis.pttl(`codex-mcp:turn:${turn.turnId}:log`)).toBe(-1);
    const { attempts, seq } = await claimed(turn);
    await turns.finish(turn, attempts, seq + 1, completed);
    expect(await redis.pttl(`codex-mcp:turn:${turn.turnId}:log`)).toBeGreaterThan(0);
  });
});

describe('cancelling', () => {
  it('ends a waiting turn at once and names the next', async () => {
    const [turn, next] = [await accepted(), await accepted()];
    expect(await turns.cancel(turn, cancelled)).toEqual({ outcome: 'cancelled', next: next.turnId });
    expect((await turns.claim(turn.turnId, agent.key, mine)).outcome).toBe('terminal');
    expect(await eventsOf(turn.turnId)).toEqual(['queued', 'cancelled']);
  });

  it('flags a running turn and leaves its record to its worker', async () => {
    const turn = await accepted();
    await claimed(turn);
    expect((await turns.cancel(turn, cancelled)).outcome).toBe('requested');
    expect(await turns.isCancelRequested(turn.turnId)).toBe(true);
    expect(await claimed(turn)).toMatchObject({ cancelRequested: true });
  });

  it('knows nothing of a turn that never was', async () => {
    expect((await turns.cancel(request(), cancelled)).outcome).toBe('missing');
  });
});

it('lists an agent’s turns in the order of their acceptance, within a millisecond and after a clock that was ahead', async () => {
  const asked = Array.from({ length: 20 }, () => request());
  await redis.zadd(`codex-mcp:agent:${agent.key}:turns`, Date.now() + 60_000, 'turn_of_an_edge_whose_clock_is_ahead');
  for (const turn of asked) await turns.accept(turn, 20);
  expect((await turns.list(agent.key, 20)).map(({ request: { turnId } }) => turnId)).toEqual(asked.map(({ turnId }) => turnId).toReversed());
});

describe('retention', () => {
  const few = () => new TurnStore(redis, { retentionMs: 60_000, maxFinished: 2 });

  async function finished(store: TurnStore, more: Partial<TurnRequest> = {}): Promise<TurnRequest> {
    const turn = { ...request(), ...more };
    await store.accept(turn, 10);
    const { attempts, seq } = await claimed(turn);
    await store.finish(turn, attempts, seq + 1, completed);
    return turn;
  }

  const idsOf = async (store: TurnStore) => (await store.list(agent.key, 10)).map(({ request: { turnId } }) => turnId);

  it('forgets an agent’s oldest finished turns beyond those that are kept, whole: record, log, place in the list and key', async () => {
    const store = few();
    const [first, second, third] = [await finished(store, { idempotencyKey: 'k' }), await finished(store), await finished(store)];
    await eventually(async () => expect(await store.load(first.turnId)).toBeUndefined());
    expect(new Set(await idsOf(store))).toEqual(new Set([second.turnId, third.turnId]));
    const left = (await redis.keys('*')).filter((key) => key.includes(first.turnId) || key.includes('idempotency'));
    expect(left).toEqual([]);
    expect((await store.accept({ ...request(), idempotencyKey: 'k' }, 10)).outcome).toBe('accepted');
  });

  it('leaves a key alone that stands for a newer turn by now', async () => {
    const store = few();
    const old = await finished(store, { idempotencyKey: 'k' });
    await redis.del(`codex-mcp:agent:${agent.key}:idempotency:k`); // as if its time had ended
    const newer = await finished(store, { idempotencyKey: 'k' });
    await finished(store);
    await eventually(async () => expect(await store.load(old.turnId)).toBeUndefined());
    expect(await store.accept({ ...request(), idempotencyKey: 'k' }, 10)).toMatchObject({ outcome: 'exists', turnId: newer.turnId });
  });

  it('never touches unfinished turns, however many have ended after them', async () => {
    const store = few();
    const waiting = [request(), request(), request()];
    for (const turn of waiting) await store.accept({ ...turn, idempotencyKey: turn.turnId }, 10);
    const later: TurnRequest[] = [];
    for (let count = 0; count < 4; count++) {
      const turn = request();
      await store.accept(turn, 10);
      await store.cancel(turn, cancelled);
      later.push(turn);
    }
    await eventually(async () => expect(await store.load(later[1]?.turnId ?? '')).toBeUndefined());
    expect(await store.unfinished(agent.key)).toEqual(waiting.map(({ turnId }) => turnId));
    for (const turn of waiting) expect(await store.accept({ ...request(), idempotencyKey: turn.turnId }, 10)).toMatchObject({ outcome: 'exists', turnId: turn.turnId });
    expect(await idsOf(store)).toEqual(expect.arrayContaining(waiting.map(({ turnId }) => turnId)));
  });

  it('begins with a turn’s end for everything that speaks of it: the record, the log, the key and the list', async () => {
    const store = few();
    const turn = { ...request(), idempotencyKey: 'k' };
    await store.accept(turn, 10);
    const lifetimes = async () => Promise.all([`turn:${turn.turnId}`, `turn:${turn.turnId}:log`, `agent:${agent.key}:idempotency:k`, `agent:${agent.key}:turns`].map((key) => redis.pttl(`codex-mcp:${key}`)));
    expect(await lifetimes()).toEqual([-1, -1, -1, -1]);
    const { attempts, seq } = await claimed(turn);
    await store.finish(turn, attempts, seq + 1, completed);
    for (const lifetimeMs of await lifetimes()) expect(lifetimeMs).toBeGreaterThan(0);
    await store.accept(request(), 10);
    expect((await lifetimes())[3]).toBe(-1);
  });

  it('takes turns whose time has ended out of the list', async () => {
    const store = few();
    const gone = await finished(store);
    await redis.del(`codex-mcp:turn:${gone.turnId}`, `codex-mcp:turn:${gone.turnId}:log`); // what Redis does when the time is over
    const next = await finished(store);
    await eventually(async () => expect(await redis.zrevrange(`codex-mcp:agent:${agent.key}:turns`, 0, -1)).toEqual([next.turnId]));
  });
});
