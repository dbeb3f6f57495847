import type { Random } from '../../scorecard/random.js';
import type { ScorecardRow } from '../../scorecard/scorecard.js';
import type { ServiceSystem, SystemOptions } from '../../scorecard/system/service-system.js';
import type { CleanUp } from '../../stack/clean-up.js';

export type RowContext = {
  /** The built product, with a piece of its code changed for a mutant. */
  readonly root: string;
  readonly random: Random;
  /** The load of this run for a load of the full run; at least 1. */
  readonly scaled: (load: number) => number;
  /** What the row starts itself; run when it has ended, however it did. */
  readonly cleanUp: CleanUp;
};

export type RowOutcome = {
  /** What was tried, with counts. */
  readonly tried: string;
  /** What was not as it must be; empty where all held. */
  readonly failures: readonly string[];
  /** What else the row has measured, for its line. */
  readonly measured?: string;
  /** What took longer or more than allowed: a failure too, but one that a busy machine can cause; the short form does not judge it. */
  readonly slow?: readonly string[];
};

/** One line of the scorecard that starts what it needs itself. */
export type OwnRow = ScorecardRow & {
  readonly system?: undefined;
  run(context: RowContext): Promise<RowOutcome>;
};

/** One that is given running services with agents in Docker. */
export type SystemRow = ScorecardRow & {
  readonly system: Omit<SystemOptions, 'root' | 'redisBehindDoor'>;
  /**
   * Rows with the same name here are run one after the other on one system with all their settings, to save its start:
   * they use agents of their own and leave the services as they were. A mutant has a system of its own all the same.
   */
  readonly shares?: string;
  run(context: RowContext & { readonly system: ServiceSystem }): Promise<RowOutcome>;
};

export type Row = OwnRow | SystemRow;
