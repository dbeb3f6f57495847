import { z } from 'zod';

const count = () => z.int().nonnegative();

export const ChangedFile = z.object({
  path: z.string().describe('Relative to the workspace'),
  status: z.enum(['added', 'modified', 'deleted', 'renamed']),
  previous_path: z.string().optional(),
  additions: count().optional(),
  deletions: count().optional(),
  binary: z.boolean().optional(),
  in_diff: z.boolean().optional().describe('false: the diff leaves it out'),
});

/** A comparison of two states of a workspace. */
export const comparison = {
  diff: z.string().describe('Unified diff'),
  files: z.array(ChangedFile),
  truncated: z.boolean().describe('Whether the diff leaves files out; files lists all changes in any case'),
  note: z.string().optional().describe('What the diff leaves out, and why'),
};

export const Changes = z.object({ ...comparison, diff: z.string().describe('Unified diff of the workspace, before the turn to after it') });
export type Changes = z.infer<typeof Changes>;

export const changesRequired = { changes: Changes.describe('What the turn changed in the workspace, measured there') };
export const changesIfAny = { changes: Changes.optional().describe('What the turn changed in the workspace, measured there; absent when nothing changed') };

export const CommandRun = z.object({ command: z.string(), exit_code: z.int().optional(), duration_ms: z.number().nonnegative().optional() });

export const costUsd = () => z.number().nonnegative().describe('US dollars at the prices of the API, or of MODEL_PRICES_FILE; a ChatGPT sign-in is not charged. Absent where the model’s price is not known');

export const TestRun = z.object({
  command: z.string(),
  run_by: z.enum(['codex', 'server']).describe('codex: a command of the turn. server: test_command or run_tests, after the turn'),
  runner: z.string().optional().describe('As the output shows, such as jest or pytest'),
  exit_code: z.int().optional().describe('Absent where the command line hides that of its tests (a pipe, ||), or the tests were stopped'),
  timed_out: z.boolean().optional(),
  duration_ms: z.number().nonnegative().optional(),
  passed: count().optional().describe('As the output counts; absent where it does not, as with failed and skipped'),
  failed: count().optional(),
  skipped: count().optional(),
  output: z.string().optional().describe('The end of what test_command printed'),
});
export type TestRun = z.infer<typeof TestRun>;

export const EnvironmentView = z.object({
  image: z.string().optional().describe('Name of the image that the agent runs in'),
  setup: z.enum(['done', 'failed']).optional().describe('What became of its setup commands, in this turn or before; the log of the turn that ran them has their output'),
  problems: z.array(z.string()).describe('What of it does not count, and why'),
});
export type EnvironmentView = z.infer<typeof EnvironmentView>;

/** What the system itself knows of a turn, beside what the model said. */
export const turnFacts = {
  turn_id: z.string(),
  agent_id: z.string(),
  thread_id: z.string().describe('The conversation that the turn belongs to'),
  model: z.string().optional(),
  usage: z.object({ input_tokens: count(), cached_input_tokens: count(), output_tokens: count(), reasoning_tokens: count() }).optional().describe('Tokens of this turn'),
  cost_usd: costUsd().optional(),
  duration_ms: z.number().nonnegative(),
  commands: z.array(CommandRun).describe('Shell commands that Codex ran'),
  tests: z.array(TestRun).optional().describe('Tests that ran, the last run of each command; absent where none is known'),
  environment: EnvironmentView.optional().describe('What became of the codex-mcp.json in the workspace; absent without one'),
};

export const TurnFacts = z.object({ ...turnFacts, ...changesIfAny });
export type TurnFacts = z.infer<typeof TurnFacts>;

/** What every workspace tool tells of its own call. */
export const workspaceFacts = {
  turn_id: z.string().describe('This call'),
  agent_id: z.string(),
  duration_ms: z.number().nonnegative(),
};
