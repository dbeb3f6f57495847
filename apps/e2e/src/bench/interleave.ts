import { setTimeout as delay } from 'node:timers/promises';

/** What a turn leaves to do after its answer (records, logs) must not fall into the next subject's time. */
const SETTLE_MS = 30;

export type Measurement = (round: number) => Promise<number>;

/**
 * Measures each subject once a round, one after the other, so that whatever else the machine does hits all alike.
 * The first `warmUps` rounds are not kept.
 */
export async function interleave<Name extends string>(subjects: Record<Name, Measurement>, { rounds, warmUps }: { rounds: number; warmUps: number }): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmUps; round < rounds; round++) {
    for (const name of names) {
      const value = await subjects[name](round);
      if (round >= 0) samples[name].push(value);
      await delay(SETTLE_MS);
    }
  }
  return samples;
}
