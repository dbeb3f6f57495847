import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { CleanUp } from '../bench/clean-up.js';
import { frozenWorkerRow } from './rows/frozen-worker.row.js';
import { redisOutageRow } from './rows/redis-outage.row.js';
import { replayWindowRow } from './rows/replay-window.row.js';
import type { RowOutcome } from './rows/row.js';
import { workerKillRow } from './rows/worker-kill.row.js';
import { runRow } from './run-row.js';

const ROWS = [workerKillRow, replayWindowRow, redisOutageRow, frozenWorkerRow];
const TIMEOUT_MS = 240_000;

/** `npm run chaos` has the whole load, its times, and a mutant for each row. */
describeWithDocker('a tenth of the chaos', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const cleanUp = new CleanUp();
  const outcomes = new Map<number, Promise<RowOutcome>>();

  beforeAll(() => {
    // Together, as each of them mostly waits for locks to end.
    for (const row of ROWS) {
      const outcome = runRow(row, { seed, scale: 0.1 }, cleanUp);
      outcome.catch(() => undefined);
      outcomes.set(row.number, outcome);
    }
  });
  afterAll(() => cleanUp.run(), TIMEOUT_MS);

  it.each(ROWS)(
    '$title',
    async ({ number }) => {
      expect({ seed, failures: (await outcomes.get(number))?.failures }).toEqual({ seed, failures: [] });
    },
    TIMEOUT_MS,
  );
});
