import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { agentKey, type ApprovalMode, approvalIdOf, newTurnId, type TurnEvent, type TurnRequest } from '@codex-mcp/contracts';
import { ApprovalStore, createRedis, TurnStore } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { TurnApprovals } from './turn-approvals.js';
import type { Stop } from './turn-stops.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const ASKED = { key: 'item 1', subject: { kind: 'command' as const, command: 'npm install' } };
const LONG_MS = 600_000;

let server: RedisFixture;
let redis: Redis;
let store: ApprovalStore;
let turns: TurnStore;
let turn: TurnRequest;
let events: TurnEvent[];
let signsOfLife: number;
let leftMs: number;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  store = new ApprovalStore(redis);
  turns = new TurnStore(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  [events, signsOfLife, leftMs] = [[], 0, 10 * LONG_MS];
  await begin({});
});

async function begin(args: TurnRequest['arguments']): Promise<void> {
  turn = { turnId: newTurnId(), tool: 'chat', agent, arguments: args, correlationId: 'c', acceptedAtMs: 1 };
  await redis.flushall();
  await turns.accept(turn, 10);
  await turns.claim(turn.turnId, agent.key, { holder: 'w1', token: 't1' });
}

const stop: Stop = { signal: new AbortController().signal, alive: () => void signsOfLife++, leftMs: () => leftMs, fail: () => undefined, cancel: () => undefined, end: () => undefined };
const approvals = (mode: ApprovalMode) => new TurnApprovals(store, { record: () => undefined }, { mode, timeoutMs: LONG_MS, fallback: 'decline' });
const open = (all: TurnApprovals, attempt = 1) => all.open(turn, attempt, (event) => events.push(event), stop);
const id = () => approvalIdOf(turn.turnId, ASKED.key);
const waiting = async () => eventually(async () => (await store.open())[0] ?? null);

it.each<[ApprovalMode, ApprovalMode | undefined, string]>([
  ['auto', undefined, 'never'],
  ['auto', 'manual', 'untrusted'],
  ['suggest', undefined, 'on-request'],
  ['suggest', 'auto', 'on-request'],
  ['suggest', 'manual', 'untrusted'],
  ['manual', 'suggest', 'untrusted'],
])('asks more in %s mode where a call wants %s, never less: %s', async (mode, wanted, policy) => {
  await begin(wanted === undefined ? {} : { approval_mode: wanted });
  expect(open(approvals(mode)).policy).toBe(policy);
});

it('declines in auto mode without asking anybody', async () => {
  expect(await open(approvals('auto')).approve(ASKED)).toBe('decline');
  expect([events, await store.open()]).toEqual([[], []]);
});

it('passes on an answer as soon as it is announced, and tells both in the log', async () => {
  const all = approvals('manual');
  const decision = open(all).approve(ASKED);
  const { approval, deadlineMs } = await waiting();
  const answer = { decision: 'accept' as const, via: 'rest' as const, by: 'tester', atMs: 3 };
  await store.answer(approval, answer);
  all.handle({ approvalId: approval.approvalId });
  expect(await decision).toBe('accept');
  expect(events).toEqual([
    { type: 'approval_requested', approvalId: id(), subject: ASKED.subject, deadlineMs },
    { type: 'approval_answered', approvalId: id(), answer },
  ]);
});

it('finds an answer of which no announcement came, and counts the wait as life', async () => {
  const decision = open(approvals('manual')).approve(ASKED);
  await store.answer((await waiting()).approval, { decision: 'cancel', via: 'mcp', atMs: 3 });
  expect(await decision).toBe('cancel');
  expect(signsOfLife).toBeGreaterThan(0);
});

it('leaves the turn time to end in order', async () => {
  leftMs = LONG_MS;
  const latestMs = Date.now() + leftMs;
  const { close, approve } = open(approvals('manual'));
  void approve(ASKED);
  expect((await waiting()).deadlineMs).toBeLessThan(latestMs);
  close();
});

it('asks and answers nothing for a turn that another attempt has by now', async () => {
  await turns.claim(turn.turnId, agent.key, { holder: 'w2', token: 't2' });
  const late = open(approvals('manual'), 1).approve(ASKED);
  const now = open(approvals('manual'), 2).approve(ASKED);
  await store.answer((await waiting()).approval, { decision: 'accept', via: 'mcp', atMs: 3 });
  expect(await Promise.race([late, now.then(() => 'the newer one')])).toBe('the newer one');
  expect(events.map(({ type }) => type)).toEqual(['approval_requested', 'approval_answered']);
});
