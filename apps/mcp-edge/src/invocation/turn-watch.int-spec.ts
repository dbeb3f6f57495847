import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { createRedis, createSubscriber, TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { TurnWatch } from './turn-watch.js';

jest.setTimeout(20_000); // on a busy machine

let redisServer: RedisFixture;
let redis: Redis;
let turns: TurnStore;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
  turns = new TurnStore(redis);
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

const newRequest = (): TurnRequest => {
  const agent = { key: agentKey('local', newTurnId()), tenant: 'local', agentId: 'a' };
  return { turnId: newTurnId(), tool: 'chat', agent, arguments: {}, correlationId: 'c', acceptedAtMs: 0 };
};

describe('TurnWatch', () => {
  it('finds out by a check-up what was never announced to it', async () => {
    const deaf = createSubscriber(redis);
    deaf.disconnect();
    const request = newRequest();
    const seen: string[] = [];
    const watch = new TurnWatch(new TurnLogReader(deaf, redis), request.turnId, ({ type }) => seen.push(type)).start();
    await turns.accept(request, 1);
    await turns.cancel(request, { type: 'cancelled', error: { code: 'turn_cancelled', message: 'x', retryable: false } });
    expect(seen).toEqual([]);
    await watch.checkUp(turns);
    await watch.checkUp(turns);
    expect(seen).toEqual(['queued', 'cancelled']);
    expect(await watch.ended()).toMatchObject({ type: 'cancelled' });
    watch.stop();
  });

  it('goes on watching a turn that is merely quiet, and gives up one that is gone', async () => {
    const subscriber = createSubscriber(redis);
    const request = newRequest();
    await turns.accept(request, 1);
    const watch = new TurnWatch(new TurnLogReader(subscriber, redis), request.turnId).start();
    await watch.checkUp(turns);
    await watch.checkUp(turns);
    expect(await Promise.race([watch.ended(), Promise.resolve('still watching')])).toBe('still watching');
    await redis.flushall();
    await watch.checkUp(turns);
    await expect(watch.ended()).rejects.toMatchObject({ code: 'turn_interrupted' });
    watch.stop();
    subscriber.disconnect();
  });
});
