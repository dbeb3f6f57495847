import { parseArgs } from 'node:util';
import { z } from 'zod';

export const usage = (command: string): string => `Usage: npm run ${command} -- [options]

  --rows 1,2,…     these lines of the scorecard; all by default
  --scale F        a fraction of the full load, such as 0.1; 1 by default
  --seed N         repeats the random choices of a run
  --parallel N     so many rows at the same time, each with a system of its own; 3 by default, as most of
                   a row is waiting for locks and deadlines
  --mutants        switches off what each row proves: now each row has to fail`;

const Values = z.object({
  rows: z.string().regex(/^\d+(,\d+)*$/, 'names rows by their numbers, such as 1,2,6').optional(),
  scale: z.coerce.number().positive().default(1),
  seed: z.coerce.number().int().min(0).default(() => Math.floor(Math.random() * 2 ** 31)),
  parallel: z.coerce.number().int().min(1).default(3),
  mutants: z.boolean().default(false),
  help: z.boolean().default(false),
});

export type ScorecardOptions = Omit<z.output<typeof Values>, 'rows'> & { readonly rows: readonly number[] | undefined };

/** Throws with a message for the user when an option is wrong. */
export function readOptions(args: string[]): ScorecardOptions {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: 'string' },
      scale: { type: 'string' },
      seed: { type: 'string' },
      parallel: { type: 'string' },
      mutants: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const { rows, ...rest } = Values.parse(values);
  return { ...rest, rows: rows?.split(',').map(Number) };
}
