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

/** What the system itself knows of a turn, beside what the model said. */
export const turnFacts = {
  turn_id: z.string(),
  agent_id: z.string(),
  thread_id: z.string().describe('The conversation that the turn belongs to'),
  model: z.string().optional(),
  usage: z.object({ input_tokens: count(), cached_input_tokens: count(), output_tokens: count(), reasoning_tokens: count() }).optional().describe('Tokens of this turn'),
  duration_ms: z.number().nonnegative(),
  commands: z.array(CommandRun).describe('Shell commands that Codex ran'),
};

export const TurnFacts = z.object({ ...turnFacts, ...changesIfAny });
export type TurnFacts = z.infer<typeof TurnFacts>;

/** What every workspace tool tells of its own call. */
export const workspaceFacts = {
  turn_id: z.string().describe('This call'),
  agent_id: z.string(),
  duration_ms: z.number().nonnegative(),
};
