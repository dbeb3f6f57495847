import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import type { Redis } from 'ioredis';
import { createRedis, createSubscriber, type LogEntry, TurnLogReader, TurnStore } from './index.js';

let server: RedisFixture;
let redis: Redis;
let subscriber: Redis;
let turns: TurnStore;
let log: TurnLogReader;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  subscriber = createSubscriber(redis);
  turns = new TurnStore(redis);
  log = new TurnLogReader(subscriber, redis);
});

afterAll(async () => {
  redis.disconnect();
  subscriber.disconnect();
  await server.stop();
});

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };

async function running(): Promise<{ turn: TurnRequest; attempt: number; seq: number }> {
  const turn: TurnRequest = { turnId: newTurnId(), tool: 'chat', agent, arguments: {}, correlationId: 'c', acceptedAtMs: 1 };
  await redis.flushall();
  await turns.accept(turn, 10);
  const claim = await turns.claim(turn.turnId, agent.key, { holder: 'w', token: 't' });
  if (claim.outcome !== 'claimed') throw new Error(claim.outcome);
  return { turn, attempt: claim.attempts, seq: claim.seq };
}

const write = ({ turn, attempt }: { turn: TurnRequest; attempt: number }, seq: number) => turns.append(turn.turnId, attempt, seq, [{ type: 'delta', itemId: 'm', text: String(seq) }]);

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

it('brings every entry once and in order, also when the subscriber is cut off again and again', async () => {
  const run = await running();
  const seen: number[] = [];
  const stop = await log.follow(run.turn.turnId, (entry) => seen.push(entry.seq));
  for (let seq = 3; seq <= 400; seq++) {
    await write(run, seq);
    if (seq % 40 === 0) await redis.client('KILL', 'TYPE', 'PUBSUB');
  }
  await eventually(() => expect(seen).toEqual(upTo(400)));
  stop();
});

it('resumes after a cursor without loss or repetition', async () => {
  const run = await running();
  for (let seq = 3; seq <= 20; seq++) await write(run, seq);
  const cursor = (await log.read(run.turn.turnId))[9]?.id;
  const seen: number[] = [];
  const stop = await log.follow(run.turn.turnId, (entry) => seen.push(entry.seq), cursor);
  await write(run, 21);
  await eventually(() => expect(seen).toEqual(upTo(21).slice(10)));
  stop();
});

it('gives a second follower of the same turn all of it too', async () => {
  const run = await running();
  const [first, second]: [LogEntry[], LogEntry[]] = [[], []];
  const stops = [await log.follow(run.turn.turnId, (entry) => first.push(entry))];
  for (let seq = 3; seq <= 10; seq++) await write(run, seq);
  const [late] = await Promise.all([log.follow(run.turn.turnId, (entry) => second.push(entry)), write(run, 11), write(run, 12)]);
  stops.push(late);
  await write(run, 13);
  await eventually(() => {
    expect(first.map(({ seq }) => seq)).toEqual(upTo(13));
    expect(second.map(({ seq }) => seq)).toEqual(upTo(13));
  });
  for (const stop of stops) stop();
});

it('hears nothing more after it has left', async () => {
  const run = await running();
  const seen: number[] = [];
  const stop = await log.follow(run.turn.turnId, (entry) => seen.push(entry.seq));
  stop();
  await write(run, 3);
  expect(seen).toEqual([1, 2]);
  await eventually(async () => expect(await redis.pubsub('NUMSUB', `codex-mcp:turn:${run.turn.turnId}:log`)).toEqual([expect.any(String), 0]));
});

it('rings for what is added, and when the connection is back, until it is left', async () => {
  const run = await running();
  const { turnId } = run.turn;
  let rung = 0;
  const leave = await log.bell(turnId, () => (rung += 1));
  await write(run, 3);
  await eventually(() => rung > 0);
  await redis.client('KILL', 'TYPE', 'PUBSUB');
  const before = rung;
  await eventually(() => rung > before);
  const stop = await log.follow(turnId, () => undefined);
  leave();
  const atLeaving = rung;
  const seen: number[] = [];
  const stopSecond = await log.follow(turnId, (entry) => seen.push(entry.seq));
  await write(run, 4);
  await eventually(() => seen.includes(4)); // the bell's leaving took nothing from others
  expect(rung).toBe(atLeaving);
  stop();
  stopSecond();
  await eventually(async () => expect(await redis.pubsub('NUMSUB', `codex-mcp:turn:${turnId}:log`)).toEqual([expect.any(String), 0]));
});
