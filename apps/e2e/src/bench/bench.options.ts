import { parseArgs } from 'node:util';
import type { RuntimeName } from '@codex-mcp/contracts';
import { dockerAvailable } from '@codex-mcp/testing';
import { z } from 'zod';

export const USAGE = `Usage: npm run bench -- [options]

  --quick                         5 rounds of each measurement instead of 30
  --rounds N                      N rounds
  --runtime auto|docker|process   what hosts agents; auto: Docker where an engine answers
  --only NAME                     memory, warm, delta, parallel, cold, workspace, guarantee,
                                  edge-cpu, streaming, sessions or gateway; may be repeated
  --json FILE                     write every sample to FILE`;

const SECTIONS = ['memory', 'warm', 'delta', 'parallel', 'cold', 'workspace', 'guarantee', 'edge-cpu', 'streaming', 'sessions', 'gateway'] as const;
export type SectionName = (typeof SECTIONS)[number];

const Values = z.object({
  quick: z.boolean().default(false),
  rounds: z.coerce.number().int().min(1).optional(),
  runtime: z.enum(['auto', 'docker', 'process']).default('auto'),
  only: z.array(z.enum(SECTIONS)).default([...SECTIONS]),
  json: z.string().optional(),
  help: z.boolean().default(false),
});

export type BenchOptions = {
  readonly help: boolean;
  readonly runtime: RuntimeName;
  readonly sections: readonly SectionName[];
  readonly jsonFile: string | undefined;
  /** How often the quick measurements are repeated, and those that take a second or leave an agent behind. */
  readonly rounds: number;
  readonly longRounds: number;
  readonly warmUps: number;
};

/** Throws with a message for the user when an option is wrong. */
export function readOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      runtime: { type: 'string' },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const { quick, rounds = quick ? 5 : 30, runtime, only, json, help } = Values.parse(values);
  return {
    help,
    runtime: runtime === 'auto' ? (dockerAvailable() ? 'docker' : 'process') : runtime,
    sections: SECTIONS.filter((name) => only.includes(name)),
    jsonFile: json,
    rounds,
    longRounds: Math.max(5, Math.round(rounds / 3)),
    warmUps: quick ? 2 : 5,
  };
}
