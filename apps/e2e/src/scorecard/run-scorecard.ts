import { dockerAvailable } from '@codex-mcp/testing';
import { z } from 'zod';
import { CleanUp } from '../stack/clean-up.js';
import type { Mutation } from './mutants/built-tree.js';
import { mutantLine, rowLine } from './report.js';
import { mutationsOf, type Scorecard, type ScorecardRow } from './scorecard.js';
import { readOptions, type ScorecardOptions, usage } from './scorecard.options.js';

class Interruption extends Error {}

/** Runs the rows that this process's arguments ask for, and tells one line of each. Sets the exit code: 0 where each did as it has to. */
export async function runScorecard<Row extends ScorecardRow>(scorecard: Scorecard<Row>): Promise<void> {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options.help) console.log(usage(scorecard.command));
    else if (!(await run(scorecard, options))) process.exitCode = 1;
  } catch (error) {
    const forUser = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof TypeError || error instanceof Interruption ? error.message : undefined;
    console.error(forUser ?? error);
    process.exitCode = 1;
    // All is put away; what an interrupted row still waits for must not keep this process.
    if (error instanceof Interruption) process.exit();
  }
}

/** True when every row did as it has to: passed, or failed where its mitigation was switched off. */
async function run<Row extends ScorecardRow>(scorecard: Scorecard<Row>, options: ScorecardOptions): Promise<boolean> {
  if (!dockerAvailable()) throw new TypeError('This needs a Docker engine, and none answers.');
  const cleanUp = new CleanUp();
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => reject(new Interruption(signal)));
  });
  const startedAt = performance.now();
  console.log(`seed ${options.seed}, scale ${options.scale}${options.mutants ? ', with the mitigations switched off' : ''}`);
  try {
    const good = await Promise.race([runAll(scorecard, options, cleanUp), interruption]);
    console.log(`${Math.round((performance.now() - startedAt) / 1000)} s`);
    return good;
  } finally {
    await cleanUp.run();
  }
}

function chosen<Row extends ScorecardRow>({ rows: all }: Scorecard<Row>, { rows }: ScorecardOptions): Row[] {
  const unknown = rows?.find((number) => !all.some((row) => row.number === number));
  if (unknown !== undefined) throw new TypeError(`There is no row ${unknown}; there are ${all.map(({ number }) => number).join(', ')}.`);
  return all.filter(({ number }) => rows?.includes(number) ?? true);
}

type Trial<Row> = { readonly row: Row; readonly mutation?: Mutation };

async function runAll<Row extends ScorecardRow>(scorecard: Scorecard<Row>, options: ScorecardOptions, cleanUp: CleanUp): Promise<boolean> {
  const trials = chosen(scorecard, options).flatMap((row): Trial<Row>[] => (options.mutants ? mutationsOf(row).map((mutation) => ({ row, mutation })) : [{ row }]));
  const good: boolean[] = [];
  const inLanes = async (chosenTrials: readonly Trial<Row>[], lanes: number) => {
    const waiting = chosenTrials.values();
    const lane = async () => {
      for (const trial of waiting) good.push(await runOne(scorecard, trial, options, cleanUp));
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
  await inLanes(trials.filter(({ row }) => !row.isAlone), options.parallel);
  await inLanes(trials.filter(({ row }) => row.isAlone), 1);
  return good.every(Boolean);
}

async function runOne<Row extends ScorecardRow>(scorecard: Scorecard<Row>, { row, mutation }: Trial<Row>, { seed, scale }: ScorecardOptions, cleanUp: CleanUp): Promise<boolean> {
  const startedAt = performance.now();
  const obstacle = row.unavailable?.();
  if (obstacle !== undefined) {
    console.log(`skip row ${row.number} (${row.title}): ${obstacle}`);
    return true;
  }
  try {
    const score = await scorecard.play(row, { seed, scale, mutation }, cleanUp);
    console.log(mutation ? mutantLine(row, mutation, score.failures) : rowLine(row, { seed, tookMs: performance.now() - startedAt }, score));
    return score.failures.length > 0 === (mutation !== undefined);
  } catch (error) {
    // A row that could not be carried out has proved nothing, whichever way it had to end.
    console.log(`FAIL row ${row.number} (${row.title}): ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}
