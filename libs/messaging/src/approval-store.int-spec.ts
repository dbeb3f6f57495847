import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { agentKey, type Approval, type ApprovalAnswer, approvalIdOf, newTurnId, type TurnCommand, type TurnRequest } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { ApprovalStore, createRedis, createSubscriber, TurnControl, TurnStore } from './index.js';

let server: RedisFixture;
let redis: Redis;
let subscriber: Redis;
let store: ApprovalStore;
let turns: TurnStore;
let turn: TurnRequest;
let attempt: number;
const told: TurnCommand[] = [];

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const LONG_MS = 600_000;

beforeAll(async () => {
  server = await startRedis({ appendOnly: true });
  redis = createRedis(server.url);
  subscriber = createSubscriber(redis);
  await new TurnControl(subscriber).listen((command) => told.push(command), () => undefined);
  store = new ApprovalStore(redis);
  turns = new TurnStore(redis);
});

afterAll(async () => {
  subscriber.disconnect();
  redis.disconnect();
  await server.stop();
});

beforeEach(async () => {
  await redis.flushall();
  told.length = 0;
  turn = { turnId: newTurnId(), tool: 'chat', agent, arguments: {}, correlationId: 'c', acceptedAtMs: 1 };
  await turns.accept(turn, 10);
  attempt = await claim('w1');
});

async function claim(holder: string): Promise<number> {
  const claimed = await turns.claim(turn.turnId, agent.key, { holder, token: holder });
  if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
  return claimed.attempts;
}

const about = (question = 'q1'): Approval => ({ approvalId: approvalIdOf(turn.turnId, question), turnId: turn.turnId, tool: 'chat', agent, subject: { kind: 'command', command: 'npm install', cwd: '/workspace' }, askedAtMs: 1 });
const yes = (by: string): ApprovalAnswer => ({ decision: 'accept', via: 'rest', by, atMs: 2 });
const ask = (approval = about(), timeoutMs = LONG_MS) => store.ask(approval, attempt, timeoutMs, 'decline');
const end = () => turns.finish(turn, attempt, 10, { type: 'completed', output: {} });

it('opens once, however often it is asked, and keeps the first deadline', async () => {
  const first = await ask();
  expect(first).toMatchObject({ outcome: 'open' });
  const again = await ask(about(), 2 * LONG_MS);
  expect(again).toMatchObject({ outcome: 'open', deadlineMs: first.outcome === 'open' && first.deadlineMs });
  expect(await store.open()).toEqual([{ approval: about(), deadlineMs: expect.any(Number) }]);
});

it('takes the first of many answers, tells the worker of it, and the others which one stands', async () => {
  await ask();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => store.answer(about(), yes(`client ${at}`))));
  const taken = answers.filter(({ outcome }) => outcome === 'taken');
  expect(taken).toHaveLength(1);
  expect(new Set(answers.map(({ answer }) => answer?.by))).toEqual(new Set([taken[0]?.answer?.by]));
  expect(await ask()).toMatchObject({ outcome: 'answered', answer: taken[0]?.answer });
  expect(await store.open()).toEqual([]);
  await eventually(() => expect(told).toEqual([{ action: 'approval', turnId: turn.turnId, approvalId: about().approvalId }]));
});

it('is refused to an earlier attempt, and to a turn that has ended', async () => {
  const late = attempt;
  attempt = await claim('w2');
  expect(await store.ask(about(), late, LONG_MS, 'decline')).toEqual({ outcome: 'fenced' });
  expect(await store.load(about().approvalId)).toBeUndefined();
  expect(await ask()).toMatchObject({ outcome: 'open' });
  await end();
  expect(await ask()).toEqual({ outcome: 'fenced' });
});

it('is found by the next worker with the answer that came while there was none', async () => {
  await ask();
  await store.answer(about(), yes('somebody'));
  attempt = await claim('w2');
  expect(await ask({ ...about(), subject: { kind: 'file_change', files: [] } })).toMatchObject({ outcome: 'answered', answer: { by: 'somebody' } });
  expect((await store.load(about().approvalId))?.approval).toEqual(about());
});

it('ends with the default at its deadline; what comes later does not count', async () => {
  await ask(about(), 0);
  expect(await ask(about(), LONG_MS)).toMatchObject({ outcome: 'answered', answer: { decision: 'decline', via: 'deadline' } });
  expect(await store.answer(about(), yes('late'))).toMatchObject({ outcome: 'answered', answer: { via: 'deadline' } });
  expect(await store.open()).toEqual([]);
});

it('takes no answer after the deadline, also where no worker was there to see it pass', async () => {
  await ask();
  await redis.hset(`codex-mcp:approval:${about().approvalId}`, 'deadlineMs', String(Date.now() - 1000));
  expect(await store.answer(about(), yes('late'))).toEqual({ outcome: 'expired', answer: undefined });
});

it('takes no answer once its turn has ended, and is open no more', async () => {
  await ask();
  await end();
  expect(await store.open()).toEqual([]);
  expect(await store.answer(about(), yes('late'))).toEqual({ outcome: 'turn_ended', answer: undefined });
  expect(await store.answer({ ...about(), approvalId: approvalIdOf('other') }, yes('x'))).toEqual({ outcome: 'missing', answer: undefined });
});

it('survives Redis, and is opened anew where Redis lost it', async () => {
  await ask();
  await store.answer(about(), yes('before'));
  await ask(about('q2'));
  await server.kill();
  await server.restart();
  expect(await ask()).toMatchObject({ outcome: 'answered', answer: { by: 'before' } });
  await redis.del(`codex-mcp:approval:${about('q2').approvalId}`);
  expect(await ask(about('q2'))).toMatchObject({ outcome: 'open' });
});

it('is forgotten some time after its deadline, with what dead turns left in the list', async () => {
  await redis.zadd('codex-mcp:open-approvals', String(Date.now() - 7_200_000), 'approval_of_a_dead_turn');
  await ask();
  expect(await redis.zrange('codex-mcp:open-approvals', '0', '-1')).toEqual([about().approvalId]);
  expect(await redis.pttl(`codex-mcp:approval:${about().approvalId}`)).toBeLessThanOrEqual(LONG_MS + 3_600_000);
  expect(await redis.pttl(`codex-mcp:approval:${about().approvalId}`)).toBeGreaterThan(LONG_MS);
});

it('are those of a turn without a look at the others’', async () => {
  await redis.zadd('codex-mcp:open-approvals', String(Date.now() + LONG_MS), 'unreadable');
  await redis.set('codex-mcp:approval:unreadable', 'whoever reads it fails');
  await ask(about('late'), LONG_MS);
  await ask(about('soon'), LONG_MS / 2);
  const ofTurn = async () => (await store.openOf(turn.turnId)).map(({ approval }) => approval.approvalId);
  expect(await ofTurn()).toEqual([about('soon').approvalId, about('late').approvalId]);
  expect(await store.openOf(newTurnId())).toEqual([]);
  await store.answer(about('soon'), yes('somebody'));
  expect(await ofTurn()).toEqual([about('late').approvalId]);
  await ask(about('over'), 0);
  expect(await redis.zcard(`codex-mcp:turn:${turn.turnId}:approvals`)).toBe(1);
  expect(await redis.pttl(`codex-mcp:turn:${turn.turnId}:approvals`)).toBeGreaterThan(LONG_MS);
  await end();
  expect(await ofTurn()).toEqual([]);
});

it('is among those of its turn also where an earlier version has opened it, once it is asked again', async () => {
  await ask();
  await redis.del(`codex-mcp:turn:${turn.turnId}:approvals`);
  await ask();
  expect((await store.openOf(turn.turnId)).map(({ approval }) => approval.approvalId)).toEqual([about().approvalId]);
  expect(await redis.pttl(`codex-mcp:turn:${turn.turnId}:approvals`)).toBeGreaterThan(LONG_MS - 60_000);
  await store.answer(about(), yes('somebody'));
  await ask();
  expect(await store.openOf(turn.turnId)).toEqual([]);
});
