import type { ServiceSystem } from '../../scorecard/system/service-system.js';
import type { Submitted } from './turn-load.js';

/** A turn that was under way when its worker was taken from it. */
export type Hit = { readonly turn: Submitted; readonly atMs: number };

/** For each turn that was hit: milliseconds until a worker took it up again, or until it ended. */
export async function recoveriesOf(system: ServiceSystem, hits: readonly Hit[]): Promise<number[]> {
  const all = await Promise.all(
    hits.map(async ({ turn, atMs }) => {
      const log = await system.logs.read(turn.turnId);
      const next = log.find((entry) => entry.atMs > atMs && entry.event.type === 'started');
      return next === undefined ? [] : [next.atMs - atMs];
    }),
  );
  return all.flat();
}

/** The value that a share of all does not exceed; 0 for an empty list. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
