import { percentile } from './load/recoveries.js';
import type { Mutation } from './mutants/built-tree.js';
import type { Row, RowOutcome } from './rows/row.js';

/** Everything that makes a row fail. */
export const failuresOf = ({ failures, slow = [] }: RowOutcome): string[] => [...failures, ...slow];

/** One line for a row: its counts, what recovery took, and whether it passed. */
export function rowLine({ number, title }: Row, { seed, tookMs }: { seed: number; tookMs: number }, outcome: RowOutcome): string {
  const { verdict, faults, recoveriesMs, measured } = outcome;
  const failures = failuresOf(outcome);
  const { turns, lost, duplicated, stuck, askedAgain, otherwise } = verdict;
  const endings = [...otherwise].map(([code, list]) => `${code} ${list.length}`).join(', ');
  return [
    `${failures.length === 0 ? 'pass' : 'FAIL'} row ${number} (${title})`,
    `seed ${seed}`,
    `turns ${turns}, faults ${faults}`,
    `lost ${lost.length}, duplicated ${duplicated.length}, stuck ${stuck.length}, second model calls ${askedAgain.length}`,
    `recovery p50 ${Math.round(percentile(recoveriesMs, 0.5))} ms, p95 ${Math.round(percentile(recoveriesMs, 0.95))} ms`,
    ...(measured === undefined ? [] : [measured]),
    `${Math.round(tookMs / 1000)} s`,
    ...(endings === '' ? [] : [`not completed: ${endings}`]),
    ...failures.map((failure) => `!! ${failure}`),
  ].join(' | ');
}

/** The same for a row whose mitigation is switched off: it is right when it fails. */
export function mutantLine({ number, title }: Row, { file, find }: Mutation, failures: readonly string[]): string {
  const where = `${file.split('/').at(-1)}: ${find.trim().split('\n')[0]}`;
  return failures.length > 0 ? `red  row ${number} (${title}) without ${where} | ${failures.slice(0, 3).join('; ')}` : `GREEN row ${number} (${title}): nothing noticed the change of ${where}`;
}
