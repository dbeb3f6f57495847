import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ModelWait } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { announceModelWait, createRedis, createSubscriber, ModelWaits } from './index.js';

let server: RedisFixture;
let redis: Redis;
let subscriber: Redis;
const heard: ModelWait[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  subscriber = createSubscriber(redis);
  await new ModelWaits(subscriber).listen((wait) => heard.push(wait));
  await redis.ping();
});

afterAll(async () => {
  redis.disconnect();
  subscriber.disconnect();
  await server.stop();
});

const wait = (attempt: number): ModelWait => ({ agentKey: 'a', trouble: 'rate_limited', retryInMs: 1000, attempt });
const listeners = async () => Number((await redis.pubsub('NUMSUB', 'codex-mcp:model-waits')).at(1));

it('brings notices, passes over what is none, and hears again after its connection was cut', async () => {
  announceModelWait(redis, wait(2));
  for (const noise of ['not json', '{"agentKey":"a","trouble":"bored"}']) await redis.publish('codex-mcp:model-waits', noise);
  announceModelWait(redis, wait(3));
  await eventually(() => expect(heard).toEqual([wait(2), wait(3)]));
  const back = once(subscriber, 'ready');
  await redis.client('KILL', 'TYPE', 'PUBSUB');
  await back;
  await eventually(async () => expect(await listeners()).toBe(1));
  announceModelWait(redis, wait(4));
  await eventually(() => expect(heard.at(-1)).toEqual(wait(4)));
});

it('says nothing late: what could not be said in an outage is not said after it', async () => {
  await server.kill();
  await eventually(() => redis.status !== 'ready');
  announceModelWait(redis, wait(5));
  await server.restart();
  await eventually(async () => expect(await listeners()).toBe(1));
  announceModelWait(redis, wait(6));
  await eventually(() => expect(heard.at(-1)).toEqual(wait(6)));
  expect(heard).not.toContainEqual(wait(5));
});
