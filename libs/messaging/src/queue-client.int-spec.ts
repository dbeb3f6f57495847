import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AppError, agentKey, supervisorQueue } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { Queue, type QueueEvents, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { createRedis, FINISHED_JOBS, FinishedJobsSweeper, HeartbeatPublisher, jobFailure, QUEUE_PREFIX, QueueClient, readHeartbeats } from './index.js';

let server: RedisFixture;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };

async function withHandler(name: string, handle: () => Promise<unknown>, use: (client: QueueClient<typeof supervisorQueue>) => Promise<void>): Promise<void> {
  const worker = new Worker(name, handle, { connection: redis, prefix: QUEUE_PREFIX });
  const client = new QueueClient(supervisorQueue, name, redis);
  try {
    await use(client);
  } finally {
    await client.close();
    await worker.close();
  }
}

it('brings the handler’s answer back', async () => {
  await withHandler('answers', async () => ({ stopped: true }), async (client) => {
    expect(await client.request('stop', { agent }, 5000)).toEqual({ stopped: true });
  });
});

it('brings the handler’s error back as it was', async () => {
  const handle = async () => {
    throw jobFailure(new AppError('at_capacity', 'All 20 agents are busy.'));
  };
  await withHandler('fails', handle, async (client) => {
    await expect(client.request('stop', { agent }, 5000)).rejects.toMatchObject({ code: 'at_capacity', message: 'All 20 agents are busy.' });
  });
});

it('finds the answer, and the error, of which no event tells', async () => {
  let fails = false;
  const handle = async () => {
    if (fails) throw jobFailure(new AppError('at_capacity', 'All 20 agents are busy.'));
    return { stopped: true };
  };
  await withHandler('silent', handle, async (client) => {
    (Reflect.get(client, 'events') as QueueEvents).emit = () => true; // as after a process was frozen
    expect(await client.request('stop', { agent }, 60_000)).toEqual({ stopped: true });
    fails = true;
    await expect(client.request('stop', { agent }, 60_000)).rejects.toMatchObject({ code: 'at_capacity' });
  });
});

it('keeps the words of an unexpected failure from the caller', async () => {
  const handle = async () => {
    throw jobFailure(new Error('password is hunter2'));
  };
  await withHandler('breaks', handle, async (client) => {
    const failure = await client.request('stop', { agent }, 5000).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'internal' });
    expect(String(failure)).not.toContain('hunter2');
  });
});

it('gives up on a queue that nobody serves', async () => {
  const client = new QueueClient(supervisorQueue, 'nobody', redis);
  await expect(client.request('stop', { agent }, 200)).rejects.toMatchObject({ code: 'service_unavailable' });
  await client.close();
});

it('tells the living from the dead', async () => {
  const beat = (instance: string) => ({ service: 'worker' as const, instance, version: '0', startedAtMs: 1, pid: 1, activeTurns: 0 });
  const [alive, leaving] = [new HeartbeatPublisher(redis, () => beat('alive')), new HeartbeatPublisher(redis, () => beat('leaving'))];
  await Promise.all([alive.start(), leaving.start()]);
  expect((await readHeartbeats(redis)).map(({ instance }) => instance).toSorted()).toEqual(['alive', 'leaving']);
  await leaving.stop();
  expect((await readHeartbeats(redis)).map(({ instance }) => instance)).toEqual(['alive']);
  await redis.del('codex-mcp:beat:worker:alive'); // what Redis does when the beats cease
  await eventually(async () => expect(await redis.smembers('codex-mcp:beats')).toEqual(['codex-mcp:beat:worker:alive']));
  expect(await readHeartbeats(redis)).toEqual([]);
  await alive.stop();
});

it('sweeps finished jobs of a queue where none finish any more, by their age', async () => {
  await withHandler('swept', async () => ({ stopped: true }), async (client) => {
    await client.request('stop', { agent }, 5000);
  });
  const queue = new Queue('swept', { connection: redis, prefix: QUEUE_PREFIX });
  const sweeper = new FinishedJobsSweeper(redis, ['swept']);
  await sweeper.sweep();
  expect(await queue.getCompletedCount()).toBe(1);
  await sweeper.sweep(Date.now() + (FINISHED_JOBS.completed.age + 1) * 1000);
  expect(await queue.getCompletedCount()).toBe(0);
  await sweeper.stop();
  await queue.close();
});
