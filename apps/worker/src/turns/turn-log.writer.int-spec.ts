import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { createRedis, TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { TurnLogWriter } from './turn-log.writer.js';

let server: RedisFixture;
let redis: Redis;
let turns: TurnStore;
let turn: TurnRequest;
let fenced = 0;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  turns = new TurnStore(redis);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };

async function claim(holder: string): Promise<TurnLogWriter> {
  const claimed = await turns.claim(turn.turnId, agent.key, { holder, token: holder });
  if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
  return new TurnLogWriter(turns, turn, claimed.attempts, claimed.seq, () => fenced++);
}

const events = async () => (await new TurnLogReader(redis.duplicate({ lazyConnect: true }), redis).read(turn.turnId)).map(({ event }) => event);

beforeEach(async () => {
  await redis.flushall();
  fenced = 0;
  turn = { turnId: newTurnId(), tool: 'chat', agent, arguments: {}, correlationId: 'c', acceptedAtMs: 1 };
  await turns.accept(turn, 10);
});

it('writes everything in order and joins deltas that come close together', async () => {
  const writer = await claim('w1');
  writer.push({ type: 'status', message: 'begin' });
  const words = Array.from({ length: 500 }, (_, index) => `${index} `);
  for (const text of words) writer.push({ type: 'delta', itemId: 'm', text });
  writer.push({ type: 'delta', itemId: 'n', text: 'other item' });
  await writer.finish({ type: 'completed', output: {} }, true);
  const written = await events();
  const deltas = written.flatMap((event) => (event.type === 'delta' ? [event] : []));
  expect(deltas.filter(({ itemId }) => itemId === 'm').map(({ text }) => text).join('')).toBe(words.join(''));
  expect(deltas.length).toBeLessThan(50);
  expect(deltas.at(-1)?.text).toBe('other item');
  expect(written.at(-1)).toEqual({ type: 'completed', output: {} });
});

it('lets a single delta out without waiting for another', async () => {
  const writer = await claim('w1');
  writer.push({ type: 'delta', itemId: 'm', text: 'first' });
  await eventually(async () => expect((await events()).at(-1)).toEqual({ type: 'delta', itemId: 'm', text: 'first' }));
});

it.each(Array.from({ length: 12 }, (_, steps) => steps))('writes what comes %i steps after a write is answered without waiting for more', async (steps) => {
  const writer = await claim('w1');
  writer.push({ type: 'status', message: 'first' });
  await redis.ping(); // answered together with the write
  for (let step = 0; step < steps; step++) await Promise.resolve();
  writer.push({ type: 'status', message: 'last' });
  await eventually(async () => expect((await events()).at(-1)).toEqual({ type: 'status', message: 'last' }));
});

it('falls silent when another worker has taken the turn over, and says so', async () => {
  const late = await claim('w1');
  const now = await claim('w2');
  late.push({ type: 'status', message: 'late' });
  await eventually(() => expect(fenced).toBe(1));
  late.push({ type: 'status', message: 'later still' });
  expect((await late.finish({ type: 'completed', output: { by: 'w1' } }, true)).outcome).toBe('fenced');
  await now.finish({ type: 'completed', output: { by: 'w2' } }, true);
  expect((await events()).map(({ type }) => type)).toEqual(['queued', 'started', 'started', 'completed']);
});
