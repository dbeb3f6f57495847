import { dockerAvailable } from '@codex-mcp/testing';
import { z } from 'zod';
import { CleanUp } from '../bench/clean-up.js';
import { type ChaosOptions, readOptions, USAGE } from './chaos.options.js';
import type { Mutation } from './mutants/built-tree.js';
import { failuresOf, mutantLine, rowLine } from './report.js';
import { ALL_ROWS } from './rows/all-rows.js';
import type { Row } from './rows/row.js';
import { runRow } from './run-row.js';

class Interruption extends Error {}

/** True when every row did as it has to: passed, or failed where its mitigation was switched off. */
async function run(options: ChaosOptions): Promise<boolean> {
  if (!dockerAvailable()) throw new TypeError('This needs a Docker engine, and none answers.');
  const cleanUp = new CleanUp();
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => reject(new Interruption(signal)));
  });
  const startedAt = performance.now();
  console.log(`seed ${options.seed}, scale ${options.scale}${options.mutants ? ', with the mitigations switched off' : ''}`);
  try {
    const good = await Promise.race([runAll(chosen(options), options, cleanUp), interruption]);
    console.log(`${Math.round((performance.now() - startedAt) / 1000)} s`);
    return good;
  } finally {
    await cleanUp.run();
  }
}

function chosen({ rows }: ChaosOptions): Row[] {
  const unknown = rows?.find((number) => !ALL_ROWS.some((row) => row.number === number));
  if (unknown !== undefined) throw new TypeError(`There is no row ${unknown}; there are ${ALL_ROWS.map(({ number }) => number).join(', ')}.`);
  return ALL_ROWS.filter(({ number }) => rows?.includes(number) ?? true);
}

type Trial = { readonly row: Row; readonly mutation?: Mutation };

async function runAll(rows: Row[], options: ChaosOptions, cleanUp: CleanUp): Promise<boolean> {
  const trials = rows.flatMap((row): Trial[] => (options.mutants ? [row.mutation, ...(row.alsoMutants ?? [])].map((mutation) => ({ row, mutation })) : [{ row }]));
  const waiting = trials.values();
  const good: boolean[] = [];
  const lane = async () => {
    for (const trial of waiting) good.push(await runOne(trial, options, cleanUp));
  };
  await Promise.all(Array.from({ length: options.parallel }, lane));
  return good.every(Boolean);
}

async function runOne({ row, mutation }: Trial, { seed, scale }: ChaosOptions, cleanUp: CleanUp): Promise<boolean> {
  const startedAt = performance.now();
  const obstacle = row.unavailable?.();
  if (obstacle !== undefined) {
    console.log(`skip row ${row.number} (${row.title}): ${obstacle}`);
    return true;
  }
  try {
    const outcome = await runRow(row, { seed, scale, mutation }, cleanUp);
    console.log(mutation ? mutantLine(row, mutation, failuresOf(outcome)) : rowLine(row, { seed, tookMs: performance.now() - startedAt }, outcome));
    return failuresOf(outcome).length > 0 === (mutation !== undefined);
  } catch (error) {
    // A row that could not be carried out has proved nothing, whichever way it had to end.
    console.log(`FAIL row ${row.number} (${row.title}): ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else if (!(await run(options))) process.exitCode = 1;
} catch (error) {
  const forUser = error instanceof z.ZodError ? z.prettifyError(error) : error instanceof TypeError || error instanceof Interruption ? error.message : undefined;
  console.error(forUser ?? error);
  process.exitCode = 1;
  // All is put away; what an interrupted row still waits for must not keep this process.
  if (error instanceof Interruption) process.exit();
}
