import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { CleanUp } from '../stack/clean-up.js';
import { ALL_ROWS } from './rows/all-rows.js';
import type { RowOutcome } from './rows/row.js';
import { runRow } from './run-row.js';

/** A tenth of the load, but where a tenth takes long for what only the whole load can show, or breaks too little. */
const TENTH = 0.1;
const SCALES: Readonly<Record<number, number>> = { 1: 0.05, 2: 0.08, 11: 0.3 };

/** In the order in which three lanes end at about the same time. */
const ORDER = [8, 1, 3, 5, 11, 6, 2, 4, 7, 9, 10, 21];
const PARTS = ALL_ROWS.map((row) => ({ row, scale: SCALES[row.number] ?? TENTH })).toSorted((one, other) => ORDER.indexOf(one.row.number) - ORDER.indexOf(other.row.number));
const LANES = 3;
const TIMEOUT_MS = 300_000;

/** `npm run chaos` has the whole load, its times, and a mutant for each row. */
describeWithDocker('a small part of the chaos', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const cleanUp = new CleanUp();
  const outcomes = new Map<number, Promise<RowOutcome>>();
  const runnable = PARTS.filter(({ row }) => row.unavailable?.() === undefined);

  beforeAll(() => {
    // Side by side, as a row mostly waits for locks to end; not all at once, as each starts many processes.
    const lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve());
    for (const [index, { row, scale }] of runnable.entries()) {
      const outcome = Promise.resolve(lanes[index % LANES]).then(() => runRow(row, { seed, scale }, cleanUp));
      outcomes.set(row.number, outcome);
      lanes[index % LANES] = outcome.catch(() => undefined);
    }
  });
  afterAll(() => cleanUp.run(), TIMEOUT_MS);

  for (const part of PARTS) {
    const { number, title } = part.row;
    (runnable.includes(part) ? it : it.skip)(
      `row ${number}: ${title}`,
      async () => {
        expect({ seed, failures: (await outcomes.get(number))?.failures }).toEqual({ seed, failures: [] });
      },
      TIMEOUT_MS,
    );
  }
});
