import type { Score } from '../scorecard/scorecard.js';
import { percentile } from './load/recoveries.js';
import type { RowOutcome } from './rows/row.js';

/** Counts of a row, what recovery took, and everything that makes it fail. */
export function scoreOf({ verdict, faults, recoveriesMs, measured, failures, slow = [] }: RowOutcome): Score {
  const { turns, lost, duplicated, stuck, askedAgain, otherwise } = verdict;
  const endings = [...otherwise].map(([code, list]) => `${code} ${list.length}`).join(', ');
  const report = [
    `turns ${turns}, faults ${faults}`,
    `lost ${lost.length}, duplicated ${duplicated.length}, stuck ${stuck.length}, second model calls ${askedAgain.length}`,
    `recovery p50 ${Math.round(percentile(recoveriesMs, 0.5))} ms, p95 ${Math.round(percentile(recoveriesMs, 0.95))} ms`,
    ...(measured === undefined ? [] : [measured]),
    ...(endings === '' ? [] : [`not completed: ${endings}`]),
  ];
  return { report, failures: [...failures, ...slow] };
}
