import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { CleanUp } from '../bench/clean-up.js';
import { edgeKillRow } from './rows/edge-kill.row.js';
import { frozenWorkerRow } from './rows/frozen-worker.row.js';
import { redisOutageRow } from './rows/redis-outage.row.js';
import { replayWindowRow } from './rows/replay-window.row.js';
import { rollingRestartRow } from './rows/rolling-restart.row.js';
import type { RowOutcome } from './rows/row.js';
import { workerKillRow } from './rows/worker-kill.row.js';
import { runRow } from './run-row.js';

/** Each with as much of its load as keeps all of them together below 100 s on two cores. */
const PARTS = [
  { row: workerKillRow, scale: 0.05 },
  { row: frozenWorkerRow, scale: 0.1 },
  { row: redisOutageRow, scale: 0.1 },
  { row: rollingRestartRow, scale: 0.3 },
  { row: replayWindowRow, scale: 0.08 },
  { row: edgeKillRow, scale: 0.1 },
];
const LANES = 3;
const TIMEOUT_MS = 300_000;

/** `npm run chaos` has the whole load, its times, and a mutant for each row. */
describeWithDocker('a small part of the chaos', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const cleanUp = new CleanUp();
  const outcomes = new Map<number, Promise<RowOutcome>>();

  beforeAll(() => {
    // Side by side, as a row mostly waits for locks to end; not all at once, as each starts many processes.
    const lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve());
    for (const [index, { row, scale }] of PARTS.entries()) {
      const outcome = Promise.resolve(lanes[index % LANES]).then(() => runRow(row, { seed, scale }, cleanUp));
      outcomes.set(row.number, outcome);
      lanes[index % LANES] = outcome.catch(() => undefined);
    }
  });
  afterAll(() => cleanUp.run(), TIMEOUT_MS);

  it.each(PARTS)(
    '$row.title',
    async ({ row }) => {
      expect({ seed, failures: (await outcomes.get(row.number))?.failures }).toEqual({ seed, failures: [] });
    },
    TIMEOUT_MS,
  );
});
