import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { createRedis, TurnLogReader, TurnStore } from './index.js';

let server: RedisFixture;
let redis: Redis;
let turns: TurnStore;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  turns = new TurnStore(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => void (await redis.flushall()));

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const mine = { holder: 'worker-1', token: 't1' };
const other = { holder: 'worker-2', token: 't2' };
const completed = { type: 'completed', output: { answer: 'done' } } as const;

const claim = (turn: TurnRequest, lease = mine) => turns.claim(turn.turnId, agent.key, lease);
const beside = (turn: TurnRequest, lease = mine) => turns.claimBeside(turn.turnId, agent.key, lease);

async function accepted(): Promise<TurnRequest> {
  const turn: TurnRequest = { turnId: newTurnId(), tool: 'get_diff', agent, arguments: {}, correlationId: 'c', acceptedAtMs: 1 };
  await turns.accept(turn, 10);
  return turn;
}

it('a turn is begun beside its agent’s running one by the holder of the lease alone, and the order stays as it is', async () => {
  const [first, second, third] = [await accepted(), await accepted(), await accepted()];
  expect(await beside(second)).toEqual({ outcome: 'not_holder' });
  expect(await claim(first)).toMatchObject({ outcome: 'claimed', epoch: 1 });
  expect(await beside(second, other)).toEqual({ outcome: 'not_holder' });
  expect(await beside(first)).toEqual({ outcome: 'not_holder' });
  expect(await beside(second)).toMatchObject({ outcome: 'claimed', epoch: 1, attempts: 1, request: second });
  expect(await turns.unfinished(agent.key)).toEqual([first.turnId, second.turnId, third.turnId]);
  expect(await turns.finish(second, 1, 3, completed)).toEqual({ outcome: 'finished', next: first.turnId });
  expect(await beside(second)).toEqual({ outcome: 'terminal' });
  expect(await turns.unfinished(agent.key)).toEqual([first.turnId, third.turnId]);
  const subscriber = redis.duplicate();
  expect((await new TurnLogReader(subscriber, redis).read(second.turnId)).map(({ event }) => event.type)).toEqual(['queued', 'started', 'completed']);
  subscriber.disconnect();
});

it('one that is not answered beside has its place, and then another attempt counts', async () => {
  const [first, second] = [await accepted(), await accepted()];
  await claim(first);
  await beside(second);
  await turns.finish(first, 1, 3, completed);
  expect(await claim(second, other)).toMatchObject({ attempts: 2 });
  expect((await turns.finish(second, 1, 3, completed)).outcome).toBe('fenced');
  expect((await turns.finish(second, 2, 4, completed)).outcome).toBe('finished');
});

const cancelled = { type: 'cancelled', error: { code: 'turn_cancelled', message: 'm', retryable: false } } as const;

it('one that is left waits again, without its clock, for whoever has it next and for its caller', async () => {
  const [first, second, third] = [await accepted(), await accepted(), await accepted()];
  await claim(first);
  for (const turn of [second, third]) {
    await beside(turn);
    await turns.leave(turn.turnId, 1);
    const left = await turns.load(turn.turnId);
    expect([left?.status, left?.attempts, left?.startedAtMs]).toEqual(['queued', 1, undefined]);
  }
  expect(await turns.cancel(second, cancelled)).toEqual({ outcome: 'cancelled', next: first.turnId });
  expect(await beside(second)).toEqual({ outcome: 'terminal' });
  expect((await turns.finish(second, 1, 3, completed)).outcome).toBe('terminal');
  expect(await beside(third)).toMatchObject({ outcome: 'claimed', attempts: 2 });
});

it('one that is left is not taken from another attempt, nor from whoever gets it as the head', async () => {
  const [first, second, third] = [await accepted(), await accepted(), await accepted()];
  await claim(first);
  for (const turn of [second, third]) await beside(turn);
  await turns.finish(first, 1, 3, completed);
  expect(await claim(second, other)).toMatchObject({ attempts: 2 });
  await turns.leave(second.turnId, 1);
  expect(await turns.load(second.turnId)).toMatchObject({ status: 'running', attempts: 2, startedAtMs: expect.any(Number) });
  await turns.finish(second, 2, 4, completed);
  await turns.leave(second.turnId, 2);
  expect(await turns.load(second.turnId)).toMatchObject({ status: 'completed' });
  await turns.leave(third.turnId, 1);
  expect((await turns.cancel(third, cancelled)).outcome).toBe('requested'); // it is the head by now
  expect(await claim(third, other)).toMatchObject({ attempts: 2, cancelRequested: true });
});
