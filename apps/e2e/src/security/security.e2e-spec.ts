import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { CleanUp } from '../stack/clean-up.js';
import { ALL_ROWS } from './rows/all-rows.js';
import type { Row } from './rows/row.js';
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
  const runnable = ALL_ROWS.filter((row) => row.unavailable?.() === undefined);
  const starts = new Map<Row, () => void>();
  const outcomes = new Map(runnable.map((row) => [row, new Promise<void>((resolve) => starts.set(row, resolve)).then(() => runRow(row, { seed, scale: SCALES[row.number] ?? TENTH }, cleanUp, shared))]));

  beforeAll(() => {
    const waiting = outcomes.entries();
    const lane = async () => {
      for (const [row, outcome] of waiting) {
        starts.get(row)?.();
        await outcome.catch(() => undefined); // its test tells
      }
    };
    for (let count = 0; count < LANES; count++) void lane();
  });
  afterAll(() => cleanUp.run(), TIMEOUT_MS);

  for (const row of ALL_ROWS) {
    (runnable.includes(row) ? it : it.skip)(
      `row ${row.number}: ${row.title}`,
      async () => {
        expect({ seed, failures: (await outcomes.get(row))?.failures }).toEqual({ seed, failures: [] });
      },
      TIMEOUT_MS,
    );
  }
});
