import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Consumer, ConsumptionWatch, createRedis, QUEUE_PREFIX } from './index.js';

const TIMEOUT_MS = 1500;

let server: RedisFixture;
let redis: Redis;
let queue: Queue;
const ends: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  queue = new Queue('work', { connection: redis, prefix: QUEUE_PREFIX });
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  await queue.close();
});

/** Watches a process that takes nothing, and counts how often it has looked. */
function watching(more: Partial<Consumer> = {}): { watch: ConsumptionWatch; looks: () => number } {
  let looks = 0;
  const hasRoom = more.hasRoom ?? (() => true);
  const begun = () => {
    looks += 1;
    return more.begun?.() ?? 0;
  };
  const watch = new ConsumptionWatch(server.url, [{ queue: 'work', hasRoom, begun }], TIMEOUT_MS);
  watch.start();
  ends.push(() => watch.close());
  return { watch, looks: () => looks };
}

/** Long enough for a problem to be seen, by the looks of the watch itself. */
async function watchedFor({ looks }: { looks: () => number }, count = 6): Promise<void> {
  const from = looks();
  await eventually(() => looks() >= from + count, { timeoutMs: 60_000 });
}

it('tells a job that waits although there is room for it, and gives up later', async () => {
  const { watch } = watching();
  await queue.add('job', {});
  await eventually(() => expect(watch.problem).toContain('takes no jobs from "work"'), { timeoutMs: 30_000 });
  expect(await watch.dead).toContain('takes no jobs from "work"');
}, 60_000);

it('takes it back when jobs are taken again', async () => {
  const { watch } = watching();
  await queue.add('job', {});
  await eventually(() => expect(watch.problem).toBeDefined(), { timeoutMs: 30_000 });
  const worker = new Worker('work', async () => undefined, { connection: redis, prefix: QUEUE_PREFIX });
  ends.push(() => worker.close());
  await eventually(() => expect(watch.problem).toBeUndefined(), { timeoutMs: 30_000 });
}, 60_000);

it('is not alarmed by a queue without jobs that may be taken: paused, delayed, or empty', async () => {
  const watched = watching();
  await queue.pause();
  await queue.add('job', {});
  await watchedFor(watched);
  expect(watched.watch.problem).toBeUndefined();
  await queue.drain();
  await queue.resume();
  await queue.add('job', {}, { delay: 1_000_000 });
  await watchedFor(watched);
  expect(watched.watch.problem).toBeUndefined();
}, 60_000);

it('is not alarmed by jobs that wait for room', async () => {
  const watched = watching({ hasRoom: () => false });
  await queue.add('job', {});
  await watchedFor(watched);
  expect(watched.watch.problem).toBeUndefined();
}, 60_000);

it('is not alarmed while it begins jobs itself', async () => {
  let begun = 0;
  const busy = watching({ begun: () => begun++ });
  await queue.add('job', {});
  await watchedFor(busy);
  expect(busy.watch.problem).toBeUndefined();
}, 60_000);

it('is not alarmed while others take jobs, though always one waits', async () => {
  let other: Worker | undefined;
  const taken: Promise<unknown>[] = [];
  const take = () => {
    if (other) taken.push(other.getNextJob('token', { block: false }));
    return 0;
  };
  await queue.addBulk(Array.from({ length: 100 }, () => ({ name: 'job', data: {} })));
  const idle = watching({ begun: take });
  // Over the watch's own connection, where what is asked after a look is done before the next one, however slow the machine.
  const worker = new Worker('work', undefined, { connection: idle.watch.redis, prefix: QUEUE_PREFIX, autorun: false });
  ends.push(() => worker.close());
  await worker.waitUntilReady();
  other = worker;
  await watchedFor(idle);
  expect(idle.watch.problem).toBeUndefined();
  other = undefined;
  expect((await Promise.all(taken)).length).toBeGreaterThan(0);
  expect(await queue.getWaitingCount()).toBe(100 - taken.length);
}, 60_000);

it('proves nothing while Redis stands still, nor from before', async () => {
  const watched = watching();
  await queue.add('job', {});
  await eventually(() => expect(watched.watch.problem).toBeDefined(), { timeoutMs: 30_000 });
  await server.kill('SIGSTOP');
  ends.push(() => server.kill('SIGCONT'));
  await eventually(() => expect(watched.watch.problem).toBeUndefined(), { timeoutMs: 30_000 });
}, 60_000);
