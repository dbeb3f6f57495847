import { TURNS_QUEUE } from '@codex-mcp/contracts';
import { createRedis, createSubscriber, QUEUE_PREFIX, TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import { Queue } from 'bullmq';
import { startStack } from '../../stack/stack.fixture.js';
import { median, type Section } from '../result.js';
import { PlayedLog } from '../subjects/played-log.js';
import type { System } from '../system.js';

const CLIENTS = 50;
const DELTAS = 1000;
/** A worker joins what comes within 20 ms; so many clients at that rate would measure how long a queue grows on few cores. */
const EVERY_MS = 50;
const MAX_ADDED_MS = 2;

/**
 * Streams of many turns at once, written as a worker writes them and read by clients of REST. What the edge adds is the
 * time between an event's arrival at a reader of the log itself and at the client. Throws when an event is lost or out of order.
 */
export async function measureStreaming({ stack, cleanUp }: System): Promise<Section> {
  const fresh = cleanUp.add(await startStack({ runtime: 'process', fake: stack.fake, ownRedis: true }), (running) => running.stop());
  const redis = cleanUp.add(createRedis(fresh.redisFixture.url), (connection) => connection.disconnect());
  const subscriber = cleanUp.add(createSubscriber(redis), (connection) => connection.disconnect());
  const queue = cleanUp.add(new Queue(TURNS_QUEUE, { connection: redis, prefix: QUEUE_PREFIX }), (paused) => paused.close());
  await queue.pause(); // or a worker would find these turns without a job, and run them
  const [turns, reader] = [new TurnStore(redis), new TurnLogReader(subscriber, redis)];
  const logs = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => PlayedLog.begin(turns, `bench-stream-${index}`)));
  const followed = await Promise.all(logs.map((log) => log.follow(reader)));
  const received = logs.map((log) => log.receive(fresh.url));
  const [arrivals] = await Promise.all([Promise.all(received), Promise.all(logs.map((log) => log.play(DELTAS, EVERY_MS)))]);
  const added = arrivals.flatMap((arrival, client) => arrival.map((at, delta) => at - (followed[client]?.[delta] ?? Number.NaN)));
  return {
    title: `${CLIENTS} clients that read ${DELTAS} deltas each, one every ${EVERY_MS} ms: all ${added.length} in order`,
    unit: 'ms',
    rows: [{ label: 'what the edge adds to a delta', samples: added }],
    checks: [{ target: 'median', limit: MAX_ADDED_MS, measured: median(added), unit: 'ms' }],
  };
}
