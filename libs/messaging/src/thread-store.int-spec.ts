import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { agentKey, newTurnId, type ThreadSettings, type TurnRequest } from '@codex-mcp/contracts';
import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { AgentStore, createRedis, ThreadStore, TurnStore } from './index.js';

let server: RedisFixture;
let redis: Redis;
let turns: TurnStore;
let threads: ThreadStore;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  turns = new TurnStore(redis, { retentionMs: 3_600_000, maxFinished: 200, maxThreads: 3 });
  threads = new ThreadStore(redis, { maxThreads: 3 });
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

beforeEach(async () => void (await redis.flushall()));

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const { key } = agent;
const lease = { holder: 'worker-1', token: 't1' };
const completed = { type: 'completed', output: { answer: 'done' } } as const;
const cancelled = { type: 'cancelled', error: { code: 'turn_cancelled', message: 'cancelled', retryable: false } } as const;

type Asked = { named?: string; opening?: string; idempotencyKey?: string; fresh?: ThreadSettings };

const request = ({ idempotencyKey, ...thread }: Asked = {}): TurnRequest => ({
  turnId: newTurnId(),
  tool: 'chat',
  agent,
  arguments: { message: 'hi' },
  thread: { opening: '', ...thread },
  correlationId: 'c',
  acceptedAtMs: 1,
  ...(idempotencyKey !== undefined && { idempotencyKey }),
});

async function accepted(asked: Asked = {}) {
  const turn = request(asked);
  const { outcome, threadId = '' } = await turns.accept(turn, 10);
  expect(outcome).toBe('accepted');
  return { turn, threadId };
}

async function claimed(turn: TurnRequest, by = lease) {
  const claim = await turns.claim(turn.turnId, key, by);
  if (claim.outcome !== 'claimed') throw new Error(claim.outcome);
  return claim;
}

async function ended(begun = true) {
  const { turn, threadId } = await accepted();
  const { attempts, seq } = await claimed(turn);
  await turns.finish(turn, attempts, seq + 1, completed, [], begun);
  return { turn, threadId };
}

describe('the thread of a turn', () => {
  it('is the agent’s first, then the current one', async () => {
    const first = await accepted({ opening: 'Hello there' });
    expect(first.threadId).toMatch(/^thread_[0-9a-f]{32}$/);
    expect((await accepted({ opening: 'And now' })).threadId).toBe(first.threadId);
    expect(await threads.current(key)).toBe(first.threadId);
    expect(await threads.list(key)).toEqual([expect.objectContaining({ threadId: first.threadId, opening: 'Hello there', turns: 0 })]);
  });

  it('is the one that the call names, which is the current one from then on', async () => {
    const old = (await accepted()).threadId;
    const fresh = await threads.create(key, { title: 'Fresh' });
    expect((await accepted()).threadId).toBe(fresh);
    expect((await accepted({ named: old })).threadId).toBe(old);
    expect((await accepted()).threadId).toBe(old);
  });

  it('is a fresh one where the turn begins it, with its settings, and the current one from then on', async () => {
    const old = (await accepted()).threadId;
    const settings = { model: 'm', effort: 'high', readOnly: true } as const;
    const { threadId } = await accepted({ fresh: settings, opening: 'Anew' });
    expect(threadId).not.toBe(old);
    expect(await threads.get(key, threadId)).toMatchObject({ settings, opening: 'Anew', turns: 0 });
    expect(await threads.current(key)).toBe(threadId);
    const plain = (await accepted({ fresh: {} })).threadId;
    expect(await threads.get(key, plain)).toMatchObject({ settings: {} });
    expect((await accepted()).threadId).toBe(plain);
  });

  it('is begun once, however often the call is repeated', async () => {
    const { turn, threadId } = await accepted({ fresh: {}, idempotencyKey: 'k' });
    expect(await turns.accept(request({ fresh: {}, idempotencyKey: 'k' }), 10)).toMatchObject({ outcome: 'exists', turnId: turn.turnId });
    expect(await turns.accept(turn, 10)).toMatchObject({ outcome: 'exists', threadId });
    expect((await turns.accept(request({ fresh: {} }), 0)).outcome).toBe('full');
    expect(await threads.list(key)).toHaveLength(1);
  });

  it('must be one of the agent’s; otherwise nothing is queued and nothing changes', async () => {
    const other = agentKey('local', 'b');
    const mine = (await accepted()).threadId;
    const foreign = await threads.create(other);
    const turn = request({ named: foreign });
    expect((await turns.accept(turn, 10)).outcome).toBe('unknown_thread');
    expect(await turns.load(turn.turnId)).toBeUndefined();
    expect(await turns.unfinished(key)).toHaveLength(1);
    expect(await threads.current(key)).toBe(mine);
  });

  it('stays the same however often the turn is taken up, and for whoever repeats the call', async () => {
    const first = await threads.create(key);
    const { turn } = await accepted({ idempotencyKey: 'k' });
    await threads.create(key);
    expect(await claimed(turn)).toMatchObject({ threadId: first });
    expect(await claimed(turn, { holder: 'worker-2', token: 't2' })).toMatchObject({ threadId: first });
    const current = await threads.current(key);
    expect(await turns.accept(request({ idempotencyKey: 'k' }), 10)).toMatchObject({ outcome: 'exists', turnId: turn.turnId });
    expect(await turns.accept(turn, 10)).toMatchObject({ outcome: 'exists', threadId: first });
    expect(await threads.current(key)).toBe(current);
    expect(await turns.load(turn.turnId)).toMatchObject({ threadId: first });
  });

  it('is none where Codex has no part', async () => {
    const { thread: _, ...turn } = request();
    expect(await turns.accept(turn, 10)).toEqual({ outcome: 'accepted', position: 0, turnId: turn.turnId });
    const { attempts, seq, threadId } = await claimed(turn);
    await turns.finish(turn, attempts, seq + 1, completed);
    expect(threadId).toBeUndefined();
    expect(await turns.load(turn.turnId)).not.toHaveProperty('threadId');
    expect(await threads.list(key)).toEqual([]);
    expect(await threads.current(key)).toBeUndefined();
  });

  it('is not begun by a call that is refused', async () => {
    expect((await turns.accept(request(), 0)).outcome).toBe('full');
    expect(await threads.list(key)).toEqual([]);
  });
});

describe('a thread', () => {
  it('counts the turns that Codex has worked on, and knows the last', async () => {
    const { turn, threadId } = await ended();
    await ended(false);
    const waiting = await accepted();
    await turns.cancel(waiting.turn, cancelled);
    expect(await threads.get(key, threadId)).toMatchObject({ turns: 1, lastTurn: { turnId: turn.turnId, endedAtMs: expect.any(Number) } });
    expect(await turns.load(turn.turnId)).toMatchObject({ begun: true });
    expect(await turns.load(waiting.turn.turnId)).toMatchObject({ begun: false });
  });

  it('counts a turn once, whoever ends it again', async () => {
    const { turn, threadId } = await accepted();
    const before = await claimed(turn);
    const after = await claimed(turn);
    await turns.finish(turn, before.attempts, before.seq + 1, completed, [], true);
    for (let repeated = 0; repeated < 2; repeated++) await turns.finish(turn, after.attempts, after.seq + 1, completed, [], true);
    expect(await threads.get(key, threadId)).toMatchObject({ turns: 1 });
  });

  it('keeps its title and where it was forked from, in any script and with any character', async () => {
    const forkedFrom = { threadId: 'thread_p', throughTurnId: 'turn_t', codexThreadId: 'uuid' };
    const title = 'Ключ "k"\n\\ / 🙂 \u0000';
    const halfACharacter = '\ud83d';
    const threadId = await threads.create(key, { title: title + halfACharacter, forkedFrom });
    await accepted({ opening: 'in between' });
    expect(await threads.get(key, threadId)).toMatchObject({ title: `${title}\ufffd`, forkedFrom, opening: 'in between' });
  });

  it('is listed by its last use', async () => {
    const [a, b] = [await threads.create(key), await threads.create(key)];
    await redis.hset(`codex-mcp:agent:${key}:threads`, a, JSON.stringify({ createdAtMs: 1, usedAtMs: 1, turns: 0 }));
    expect((await threads.list(key)).map(({ threadId }) => threadId)).toEqual([b, a]);
    await accepted({ named: a });
    await redis.hset(`codex-mcp:agent:${key}:threads`, b, JSON.stringify({ createdAtMs: 1, usedAtMs: 2, turns: 0 }));
    expect((await threads.list(key)).map(({ threadId }) => threadId)).toEqual([a, b]);
  });
});

describe('Codex’s id of a thread', () => {
  it('is written by the holder of the lease alone', async () => {
    const { turn, threadId } = await accepted();
    const { epoch } = await claimed(turn);
    expect(await threads.bind(key, threadId, 'codex-1', { epoch, token: lease.token })).toBe(true);
    const { epoch: next } = await claimed(turn, { holder: 'worker-2', token: 't2' });
    expect(await threads.bind(key, threadId, 'codex-late', { epoch, token: lease.token })).toBe(false);
    expect(await threads.get(key, threadId)).toMatchObject({ codexThreadId: 'codex-1' });
    expect(await threads.bind(key, threadId, 'codex-2', { epoch: next, token: 't2' })).toBe(true);
    expect(await threads.get(key, threadId)).toMatchObject({ codexThreadId: 'codex-2' });
  });

  it('brings a thread back whose agent was removed under its turn', async () => {
    const { turn, threadId } = await accepted();
    await new AgentStore(redis).remove(agent);
    expect(await threads.list(key)).toEqual([]);
    const { epoch } = await claimed(turn);
    expect(await threads.bind(key, threadId, 'codex-1', { epoch, token: lease.token })).toBe(true);
    expect(await threads.get(key, threadId)).toMatchObject({ codexThreadId: 'codex-1', turns: 0 });
    expect(await threads.current(key)).toBe(threadId);
  });
});

describe('the number of threads', () => {
  const age = (threadId: string, usedAtMs: number) => redis.hset(`codex-mcp:agent:${key}:threads`, threadId, JSON.stringify({ createdAtMs: usedAtMs, usedAtMs, turns: 0 }));

  it('has a limit, beyond which those unused for longest go', async () => {
    const [a, b, c] = [await threads.create(key), await threads.create(key), await threads.create(key)];
    await Promise.all([age(a, 2), age(b, 1), age(c, 3)]);
    const d = await threads.create(key);
    expect(new Set((await threads.list(key)).map(({ threadId }) => threadId))).toEqual(new Set([a, c, d]));
  });

  it('counts those that turns begin', async () => {
    const [a, b, c] = [await threads.create(key), await threads.create(key), await threads.create(key)];
    await Promise.all([age(a, 2), age(b, 1), age(c, 3)]);
    const { threadId } = await accepted({ fresh: {} });
    expect(new Set((await threads.list(key)).map((thread) => thread.threadId))).toEqual(new Set([a, c, threadId]));
  });

  it('never costs the current thread, or one with an unfinished turn', async () => {
    const { threadId: a } = await accepted();
    const [b, c] = [await threads.create(key), await threads.create(key)];
    await Promise.all([age(a, 1), age(b, 2), age(c, 3)]);
    const d = await threads.create(key);
    expect(new Set((await threads.list(key)).map(({ threadId }) => threadId))).toEqual(new Set([a, c, d]));
    await age(d, 0);
    const e = await threads.create(key);
    expect(new Set((await threads.list(key)).map(({ threadId }) => threadId))).toEqual(new Set([a, c, e]));
    await age(e, 0);
    await accepted({ named: c });
    await accepted({ named: e });
    await threads.create(key);
    expect(await threads.list(key)).toHaveLength(4); // three have unfinished turns
  });
});

describe('an agent that never comes to be', () => {
  const lives = async () => [await redis.pttl(`codex-mcp:agent:${key}`), await redis.pttl(`codex-mcp:agent:${key}:threads`)];

  it('is forgotten, unless a turn is accepted for it', async () => {
    await threads.create(key);
    for (const ttl of await lives()) expect(ttl).toBeGreaterThan(0);
    await accepted();
    expect(await lives()).toEqual([-1, -1]);
    await threads.create(key);
    expect(await lives()).toEqual([-1, -1]);
  });

  it('takes its threads with it when it is removed', async () => {
    await threads.create(key);
    await new AgentStore(redis).remove(agent);
    expect(await threads.list(key)).toEqual([]);
    expect(await threads.current(key)).toBeUndefined();
  });
});
