export type Unit = 'ms' | 'MB';

export type Row = {
  readonly label: string;
  readonly samples: readonly number[];
  /** Labels of the rows that this one is put in relation to; none: it is shown by itself. */
  readonly comparedTo?: readonly string[];
};

/** A target and what was measured; it never fails a run. */
export type Check = { readonly target: string; readonly limit: number; readonly measured: number; readonly unit: Unit | '×' };

export type Section = { readonly title: string; readonly unit: Unit; readonly rows: readonly Row[]; readonly checks: readonly Check[]; readonly notes?: readonly string[] };

export const isMet = ({ limit, measured }: Check): boolean => measured <= limit;

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}
