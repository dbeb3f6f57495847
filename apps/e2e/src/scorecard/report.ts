import type { Mutation } from './mutants/built-tree.js';
import type { Score, ScorecardRow } from './scorecard.js';

/** One line for a row: what it did and measured, how long it took, and whether it passed. */
export function rowLine({ number, title }: ScorecardRow, { seed, tookMs }: { seed: number; tookMs: number }, { report, failures }: Score): string {
  return [
    `${failures.length === 0 ? 'pass' : 'FAIL'} row ${number} (${title})`,
    `seed ${seed}`,
    ...report,
    `${Math.round(tookMs / 1000)} s`,
    ...failures.map((failure) => `!! ${failure}`),
  ].join(' | ');
}

/** The same for a row whose mitigation is switched off: it is right when it fails. */
export function mutantLine({ number, title }: ScorecardRow, { file, find }: Mutation, failures: readonly string[]): string {
  const where = `${file.split('/').at(-1)}: ${find.trim().split('\n')[0]}`;
  return failures.length > 0 ? `red  row ${number} (${title}) without ${where} | ${failures.slice(0, 3).join('; ')}` : `GREEN row ${number} (${title}): nothing noticed the change of ${where}`;
}
