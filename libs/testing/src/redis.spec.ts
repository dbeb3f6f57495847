import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { type RedisFixture, startRedis } from './redis.fixture.js';

async function withRedis(options: Parameters<typeof startRedis>[0], use: (redis: RedisFixture, client: Redis) => Promise<void>) {
  const redis = await startRedis(options);
  const client = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  client.on('error', () => {});
  try {
    await use(redis, client);
  } finally {
    client.disconnect();
    await redis.stop();
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('startRedis', () => {
  test('gives a private server that refuses strangers and never evicts', async () => {
    await withRedis({}, async (redis, client) => {
      expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
      const stranger = new Redis(redis.port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
      stranger.on('error', () => {});
      await expect(stranger.get('a')).rejects.toThrow(/NOAUTH|Authentication required|Connection is closed/i);
      stranger.disconnect();
    });
  });

  test('keeps its data and address over a kill with an append-only file', async () => {
    await withRedis({ appendOnly: true }, async (redis, client) => {
      await client.set('answer', '42');
      const { pid } = redis;
      await redis.kill('SIGKILL');
      expect(() => redis.pid).toThrow('not running');
      await redis.restart();
      expect(redis.pid).not.toBe(pid);
      expect(await client.get('answer')).toBe('42');
    });
  });

  test('forgets its data over a restart without one', async () => {
    await withRedis({}, async (redis, client) => {
      await client.set('answer', '42');
      await redis.restart();
      expect(await client.get('answer')).toBeNull();
    });
  });

  test('goes on after SIGSTOP and SIGCONT', async () => {
    await withRedis({}, async (redis, client) => {
      await client.ping();
      await redis.kill('SIGSTOP');
      let answered = false;
      const answer = client.ping().finally(() => (answered = true));
      expect(answered).toBe(false);
      await redis.kill('SIGCONT');
      expect(await answer).toBe('PONG');
    });
  });

  test('leaves no process and no directory behind', async () => {
    const redis = await startRedis();
    const client = new Redis(redis.url);
    const [, directory] = (await client.config('GET', 'dir')) as [string, string];
    client.disconnect();
    const { pid } = redis;
    expect(existsSync(directory)).toBe(true);
    await redis.kill('SIGSTOP');
    await redis.stop();
    await redis.stop();
    expect(existsSync(directory)).toBe(false);
    await eventually(() => !isRunning(pid));
  });

  test('says what to install when redis-server is not on PATH', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      const outcome = startRedis().then(async (redis) => redis.stop());
      await expect(outcome).rejects.toThrow('redis-server is not on PATH');
    } finally {
      process.env['PATH'] = path;
    }
  });
});
