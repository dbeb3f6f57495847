import type { Environment } from '../../stack/launched.process.js';
import type { Verdict } from '../load/verdict.js';
import type { Random } from '../../scorecard/random.js';
import type { ScorecardRow } from '../../scorecard/scorecard.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import type { PrivateEngine } from '../system/private-engine.js';

export type RowContext = {
  readonly system: ServiceSystem;
  /** For a row with `ownEngine`. */
  readonly engine: PrivateEngine | undefined;
  readonly random: Random;
  /** The load of this run for a load of the full run; at least 1. */
  readonly scaled: (load: number) => number;
};

export type RowOutcome = {
  readonly verdict: Verdict;
  /** How often something was broken. */
  readonly faults: number;
  readonly recoveriesMs: readonly number[];
  /** What else the row has measured, for its line. */
  readonly measured?: string;
  /** What was not as it must be; empty where the guarantee held. */
  readonly failures: readonly string[];
  /** What took longer than allowed: a failure too, but one that a busy machine can cause. */
  readonly slow?: readonly string[];
};

/** One line of the scorecard. */
export type Row = ScorecardRow & {
  readonly workers: number;
  readonly edges?: number;
  readonly env?: Environment;
  readonly redisBehindDoor?: boolean;
  /** Whether its agents live on a Docker engine that is started for it. */
  readonly ownEngine?: boolean;
  run(context: RowContext): Promise<RowOutcome>;
};

/** What holds in every row: nothing lost, stuck, run twice or written in disorder, and no service ended by itself. */
export function broken(system: ServiceSystem, verdict: Verdict): string[] {
  const { lost, stuck, duplicated, disordered } = verdict;
  const counts = Object.entries({ lost, stuck, duplicated, disordered }).filter(([, turns]) => turns.length > 0);
  return [...counts.map(([what, turns]) => `${turns.length} ${what} (${turns.slice(0, 3).join(', ')})`), ...system.fallen];
}
