import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { TurnCommand } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { createRedis, createSubscriber, TurnControl, TurnStore } from './index.js';

let server: RedisFixture;
let redis: Redis;
let subscriber: Redis;
const commands: TurnCommand[] = [];
let reconnects = 0;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  subscriber = createSubscriber(redis);
  await new TurnControl(subscriber).listen((command) => commands.push(command), () => reconnects++);
});

afterAll(async () => {
  redis.disconnect();
  subscriber.disconnect();
  await server.stop();
});

const steer = (text: string): TurnCommand => ({ action: 'steer', turnId: 'turn_1', steerId: 's', text });

it('brings commands, passes over what is none, and hears again after its connection was cut', async () => {
  const turns = new TurnStore(redis);
  await turns.send(steer('one'));
  await redis.publish('codex-mcp:turn-control', '{"action":"format the disk"}');
  await turns.send(steer('two'));
  await eventually(() => expect(commands).toEqual([steer('one'), steer('two')]));
  const before = reconnects;
  await redis.client('KILL', 'TYPE', 'PUBSUB');
  await eventually(() => expect(reconnects).toBeGreaterThan(before));
  await turns.send(steer('three'));
  await eventually(() => expect(commands.at(-1)).toEqual(steer('three')));
});
