import type { CleanUp } from '../stack/clean-up.js';
import type { Mutation } from './mutants/built-tree.js';

/** What a row of any scorecard says about itself. */
export type ScorecardRow = {
  readonly number: number;
  readonly title: string;
  /** Why it cannot be run on this machine; undefined where it can. */
  readonly unavailable?: () => string | undefined;
  /** It compares times: nothing else runs beside it. */
  readonly isAlone?: boolean;
  /** Switches off what the row proves; the row must then fail. */
  readonly mutation: Mutation;
  /** Further ones, each tried by itself. */
  readonly alsoMutants?: readonly Mutation[];
};

/** `scale`: a fraction of the full load. */
export type RunOptions = { readonly seed: number; readonly scale: number; readonly mutation?: Mutation | undefined };

/** What came of a row. */
export type Score = {
  /** What it did and measured, one part after the other. */
  readonly report: readonly string[];
  /** What was not as it must be; empty where the row passed. */
  readonly failures: readonly string[];
};

/** A set of rows that one command runs. */
export type Scorecard<Row extends ScorecardRow> = {
  /** Of package.json's scripts. */
  readonly command: string;
  /** Those that take longest first: rows that run side by side then end at about the same time. */
  readonly rows: readonly Row[];
  /** Runs a row, with a piece of the product's code changed if asked. What it starts is added to `cleanUp`. */
  play(row: Row, options: RunOptions, cleanUp: CleanUp): Promise<Score>;
};

/** Each change that a row must notice. */
export const mutationsOf = ({ mutation, alsoMutants = [] }: ScorecardRow): readonly Mutation[] => [mutation, ...alsoMutants];
