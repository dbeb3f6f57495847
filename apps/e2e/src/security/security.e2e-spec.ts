import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { CleanUp } from '../stack/clean-up.js';
import { ALL_ROWS } from './rows/all-rows.js';
import type { RowOutcome } from './rows/row.js';
import { runRow } from './run-row.js';
import { SharedSystems } from './shared-systems.js';

/** A tenth of the load, but where that breaks too little. */
const TENTH = 0.1;
const SCALES: Readonly<Record<number, number>> = { 12: 0.4 };
const LANES = 2;
const TIMEOUT_MS = 300_000;

/** `npm run security` has the whole load, its limits of time and memory, and a mutant for each row. */
describeWithDocker('a small part of the attacks', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const cleanUp = new CleanUp();
  const shared = new SharedSystems();
  const outcomes = new Map<number, Promise<RowOutcome>>();
  const runnable = ALL_ROWS.filter((row) => row.unavailable?.() === undefined);

  beforeAll(() => {
    const lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve());
    for (const [index, row] of runnable.entries()) {
      const outcome = Promise.resolve(lanes[index % LANES]).then(() => runRow(row, { seed, scale: SCALES[row.number] ?? TENTH }, cleanUp, shared));
      outcomes.set(row.number, outcome);
      lanes[index % LANES] = outcome.catch(() => undefined);
    }
  });
  afterAll(() => cleanUp.run(), TIMEOUT_MS);

  for (const row of ALL_ROWS) {
    (runnable.includes(row) ? it : it.skip)(
      `row ${row.number}: ${row.title}`,
      async () => {
        expect({ seed, failures: (await outcomes.get(row.number))?.failures }).toEqual({ seed, failures: [] });
      },
      TIMEOUT_MS,
    );
  }
});
