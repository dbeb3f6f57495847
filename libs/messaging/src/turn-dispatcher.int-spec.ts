import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { agentKey, newTurnId, TURNS_QUEUE, TurnJob, type TurnRequest } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { createRedis, QUEUE_PREFIX, TurnDispatcher, TurnStore } from './index.js';

let server: RedisFixture;
let redis: Redis;
let queue: Queue<TurnJob>;
let turns: TurnStore;
let dispatcher: TurnDispatcher;
const workers: Worker[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  queue = new Queue(TURNS_QUEUE, { connection: redis, prefix: QUEUE_PREFIX });
  turns = new TurnStore(redis);
  dispatcher = new TurnDispatcher(queue, turns);
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  await queue.close();
  redis.disconnect();
  await server.stop();
});

beforeEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close()));
  await redis.flushall();
});

const agentOf = (agentId: string) => ({ key: agentKey('local', agentId), tenant: 'local', agentId });

async function call(agentId: string): Promise<string> {
  const turn: TurnRequest = { turnId: newTurnId(), tool: 'chat', agent: agentOf(agentId), arguments: {}, correlationId: 'c', acceptedAtMs: 1 };
  const { position } = await turns.accept(turn, 1000);
  await dispatcher.enqueue({ turnId: turn.turnId, agentKey: turn.agent.key, tool: turn.tool, correlationId: 'c' }, position);
  return turn.turnId;
}

/** A worker that does what the real one does between claim and terminal record, and no Codex. */
function startWorker(holder: string, onRun: (job: TurnJob, phase: 'begin' | 'end') => void): Worker {
  const worker = new Worker<TurnJob>(
    TURNS_QUEUE,
    async ({ data }) => {
      const claim = await turns.claim(data.turnId, data.agentKey, { holder, token: holder });
      if (claim.outcome !== 'claimed') return;
      onRun(data, 'begin');
      await new Promise((resolve) => setImmediate(resolve));
      onRun(data, 'end');
      const { next } = await turns.finish(claim.request, claim.attempts, claim.seq + 1, { type: 'completed', output: {} });
      if (next) await dispatcher.releaseHead(data.agentKey);
    },
    { connection: redis, prefix: QUEUE_PREFIX, concurrency: 10 },
  );
  workers.push(worker);
  return worker;
}

it('runs each agent’s turns first in first out and one at a time, over two workers', async () => {
  const order = new Map<string, string[]>();
  const began = new Map<string, string[]>();
  const holders = new Set<string>();
  const overlaps: string[] = [];
  const open = new Set<string>();
  for (const holder of ['w1', 'w2'])
    startWorker(holder, ({ agentKey: key, turnId }, phase) => {
      if (phase === 'end') return void open.delete(key);
      holders.add(holder);
      if (open.has(key)) overlaps.push(key);
      open.add(key);
      began.set(key, [...(began.get(key) ?? []), turnId]);
    });
  for (let turn = 0; turn < 20; turn++) for (let agent = 0; agent < 10; agent++) {
    const { key } = agentOf(`agent-${agent}`);
    order.set(key, [...(order.get(key) ?? []), await call(`agent-${agent}`)]);
  }
  await eventually(async () => expect(await turns.busyAgents()).toEqual([]), { timeoutMs: 20_000 });
  expect(began).toEqual(order);
  expect(overlaps).toEqual([]);
  expect(holders).toEqual(new Set(['w1', 'w2']));
});

it('shows every waiting turn as a job', async () => {
  const ids = [await call('a'), await call('a'), await call('a')];
  expect(new Set((await queue.getJobs(['waiting', 'delayed'])).map((job) => job.id))).toEqual(new Set(ids));
  expect(await queue.getJobCounts('waiting', 'delayed')).toMatchObject({ waiting: 1, delayed: 2 });
});

it('leaves no job parked whose turn has ended before it', async () => {
  await call('a');
  const turn: TurnRequest = { turnId: newTurnId(), tool: 'chat', agent: agentOf('a'), arguments: {}, correlationId: 'c', acceptedAtMs: 1 };
  const { position } = await turns.accept(turn, 10);
  await turns.cancel(turn, { type: 'cancelled', error: { code: 'turn_cancelled', message: 'm', retryable: false } });
  await dispatcher.enqueue({ turnId: turn.turnId, agentKey: turn.agent.key, tool: turn.tool, correlationId: 'c' }, position);
  expect(await queue.getJobCounts('waiting', 'delayed')).toMatchObject({ waiting: 2, delayed: 0 });
});

it('mends a head whose job was never added, and one that was never promoted', async () => {
  const lost: TurnRequest = { turnId: newTurnId(), tool: 'chat', agent: agentOf('a'), arguments: {}, correlationId: 'c', acceptedAtMs: 1 };
  await turns.accept(lost, 10);
  const parked = await call('b');
  const behind = await call('b');
  await turns.cancel({ turnId: parked, agent: agentOf('b') }, { type: 'cancelled', error: { code: 'turn_cancelled', message: 'm', retryable: false } });
  await dispatcher.releaseAll();
  const waiting = (await queue.getJobs(['waiting'])).map((job) => job.id);
  expect(waiting).toEqual(expect.arrayContaining([lost.turnId, behind]));
});

it('runs a head again whose job failed without the turn’s end, also one that cannot be read', async () => {
  const turnId = await call('a');
  await redis.hset(`codex-mcp:turn:${turnId}`, 'request', 'from another version');
  const broken = new Worker(TURNS_QUEUE, () => Promise.reject(new Error('no')), { connection: redis, prefix: QUEUE_PREFIX });
  await eventually(async () => expect(await queue.getJobCounts('failed')).toEqual({ failed: 1 }));
  await broken.close();
  await dispatcher.releaseAll();
  expect((await queue.getJobs(['waiting'])).map((job) => job.id)).toEqual([turnId]);
  expect(await turns.claim(turnId, agentOf('a').key, { holder: 'w', token: 't' })).toMatchObject({ outcome: 'unreadable', attempts: 1 });
});

it('keeps the number of Redis connections free of the number of agents', async () => {
  startWorker('w1', () => undefined);
  const connections = async () => (await redis.client('LIST') as string).trim().split('\n').length;
  await call('first');
  await eventually(async () => expect(await turns.busyAgents()).toEqual([]));
  const before = await connections();
  for (let agent = 0; agent < 50; agent++) await call(`agent-${agent}`);
  await eventually(async () => expect(await turns.busyAgents()).toEqual([]));
  expect(await connections()).toBe(before);
});
