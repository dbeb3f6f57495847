import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { agentKey, newTurnId, supervisorQueue, type TurnEvent } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis, TcpDoor } from '@codex-mcp/testing';
import { Worker } from 'bullmq';
import { createRedis, createSubscriber, QUEUE_PREFIX, QueueClient, TurnLogReader, TurnStore } from './index.js';

const SILENCE_MS = 1000;
const TIMEOUT_MS = 30_000;

let server: RedisFixture;
let door: TcpDoor;
let url: string;

beforeEach(async () => {
  server = await startRedis();
  door = await TcpDoor.to(server.port);
  url = `redis://:${server.password}@127.0.0.1:${door.port}`;
});
afterEach(async () => {
  await door.close();
  await server.stop();
});

/** From the next piece on that is like this, its connection is dead, without a sign of it; others and later ones are not. */
function loseOne(like: RegExp): () => boolean {
  let isLost = false;
  door.rule = (sent) => {
    if (isLost || !like.test(sent.toString('latin1'))) return 'pass';
    isLost = true;
    return 'swallow';
  };
  return () => isLost;
}

it('a command on a connection that has died silently is answered over another', async () => {
  const redis = createRedis(url, 'patient', SILENCE_MS);
  await redis.set('a', '1');
  loseOne(/get/i);
  expect(await redis.get('a')).toBe('1');
  redis.disconnect();
}, TIMEOUT_MS);

it('a subscriber whose connection has died silently finds that out, and brings what it missed', async () => {
  const direct = createRedis(server.url);
  const redis = createRedis(url, 'patient', SILENCE_MS);
  const subscriber = createSubscriber(redis);
  const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
  const turns = new TurnStore(direct);
  const turnId = newTurnId();
  await turns.accept({ turnId, tool: 'chat', agent, arguments: {}, correlationId: 'c', acceptedAtMs: 1 }, 10);
  const seen: TurnEvent['type'][] = [];
  const leave = await new TurnLogReader(subscriber, redis).follow(turnId, ({ event }) => seen.push(event.type));
  await eventually(loseOne(/ping/i), { timeoutMs: TIMEOUT_MS });
  await turns.claim(turnId, agent.key, { holder: 'w', token: 't' });
  await eventually(() => expect(seen).toEqual(['queued', 'started']), { timeoutMs: TIMEOUT_MS });
  leave();
  for (const connection of [subscriber, redis, direct]) connection.disconnect();
}, 2 * TIMEOUT_MS);

it('an answer whose announcement got lost is taken from the job itself', async () => {
  const direct = createRedis(server.url);
  const redis = createRedis(url);
  // Long enough for the client to wait for events by then.
  const worker = new Worker('answers', () => delay(500, { stopped: true }), { connection: direct, prefix: QUEUE_PREFIX });
  const client = new QueueClient(supervisorQueue, 'answers', redis);
  door.rule = (sent) => (/xread/i.test(sent.toString('latin1')) ? 'swallow' : 'pass');
  const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
  expect(await client.request('stop', { agent }, 5000)).toEqual({ stopped: true });
  await client.close();
  await worker.close();
  for (const connection of [redis, direct]) connection.disconnect();
}, TIMEOUT_MS);
