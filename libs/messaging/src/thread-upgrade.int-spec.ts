import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { createRedis, ThreadStore, TurnStore } from './index.js';

const CODEX_ID = '019a8d2c-7a51-7c33-9d38-0f6a2d8a5b11';

let server: RedisFixture;
let redis: Redis;
let turns: TurnStore;
let threads: ThreadStore;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  turns = new TurnStore(redis);
  threads = new ThreadStore(redis);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

beforeEach(async () => void (await redis.flushall()));

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const { key } = agent;
const lease = { holder: 'worker-1', token: 't1' };

const oldRequest = (): TurnRequest => ({ turnId: newTurnId(), tool: 'chat', agent, arguments: { message: 'hi' }, correlationId: 'c', acceptedAtMs: 1 });
const request = (named?: string): TurnRequest => ({ ...oldRequest(), thread: { opening: 'Hello', ...(named !== undefined && { named }) } });

/** What a worker of such a version writes. */
const oldConversation = (codexId = CODEX_ID) => redis.hset(`codex-mcp:agent:${key}`, 'threadId', codexId);

async function claimed(turn: TurnRequest, by = lease, needsThread = true) {
  const claim = await turns.claim(turn.turnId, key, by, needsThread);
  if (claim.outcome !== 'claimed') throw new Error(claim.outcome);
  return claim;
}

describe('the conversation of an agent of a version without threads', () => {
  it('is the thread of its next turn and of those after it', async () => {
    await oldConversation();
    const { threadId } = await turns.accept(request(), 10);
    expect(await turns.accept(request(), 10)).toMatchObject({ threadId });
    expect(await threads.current(key)).toBe(threadId);
    expect(await threads.list(key)).toEqual([expect.objectContaining({ threadId, codexThreadId: CODEX_ID, opening: 'Hello', turns: 1 })]);
    expect(threadId).toMatch(/^thread_[0-9a-f]{32}$/);
  });

  it('stays one of its threads when another becomes the current one', async () => {
    await oldConversation();
    const fresh = await threads.create(key, { title: 'Fresh' });
    expect(await threads.current(key)).toBe(fresh);
    await oldConversation('another');
    await turns.accept(request(fresh), 10);
    expect(await threads.current(key)).toBe(fresh);
    expect(new Set((await threads.list(key)).map(({ codexThreadId }) => codexThreadId))).toEqual(new Set([CODEX_ID, 'another', undefined]));
  });
});

describe('a turn that was accepted by a version without threads', () => {
  it('continues the agent’s conversation, whoever takes it up', async () => {
    await oldConversation();
    const turn = oldRequest();
    await turns.accept(turn, 10);
    const { threadId = '' } = await claimed(turn);
    expect(await threads.get(key, threadId)).toMatchObject({ codexThreadId: CODEX_ID });
    await threads.create(key);
    expect(await claimed(turn, { holder: 'worker-2', token: 't2' })).toMatchObject({ threadId });
    expect(await turns.load(turn.turnId)).toMatchObject({ threadId });
  });

  it('continues the agent’s current thread', async () => {
    const turn = oldRequest();
    await turns.accept(turn, 10);
    const current = await threads.create(key, { title: 'Mine' });
    expect(await claimed(turn)).toMatchObject({ threadId: current });
    expect(await threads.list(key)).toEqual([expect.objectContaining({ threadId: current, title: 'Mine' })]);
  });

  it('begins a first one where there is none', async () => {
    const turn = oldRequest();
    await turns.accept(turn, 10);
    const { threadId = '' } = await claimed(turn);
    expect(await threads.current(key)).toBe(threadId);
    expect(await threads.list(key)).toEqual([expect.objectContaining({ threadId, turns: 0 })]);
  });

  it('gets none where Codex has no part', async () => {
    await oldConversation();
    const turn = oldRequest();
    await turns.accept(turn, 10);
    expect((await claimed(turn, lease, false)).threadId).toBeUndefined();
    expect(await threads.list(key)).toEqual([]);
  });
});
