import { TurnStatus } from '@codex-mcp/contracts';
import { z } from 'zod';
import { filledList } from '../arguments/argument.schema.js';
import { Changes, CommandRun } from '../outputs/turn-facts.schema.js';
import { blocks, code, titled } from '../rendering/markdown.js';
import { changesText, commandsText } from '../rendering/turn.js';
import { defineManagementTool } from '../tool.js';

const MAX_WAIT_S = 50;

const Compared = z.object({
  turn_id: z.string(),
  agent_id: z.string(),
  tool: z.string(),
  status: TurnStatus,
  summary: z.string().optional(),
  changes: Changes.optional(),
  commands: z.array(CommandRun).optional().describe('Shell commands that Codex ran, tests among them, with their exit codes'),
  error_code: z.string().optional().describe('Why it did not complete'),
});
export type Compared = z.infer<typeof Compared>;

export const compare = defineManagementTool({
  name: 'compare',
  title: 'Compare turns',
  description: 'What several turns of yours did, side by side: their changes, the commands that they ran with exit codes, and what they say of it. For choosing among the answers of implement_n, or of any agents.',
  arguments: {
    turn_ids: filledList('The turns, at most 8'),
    wait_s: z.number().nonnegative().max(MAX_WAIT_S, `must be at most ${MAX_WAIT_S}`).describe('Seconds to wait for all of them to end. Default: 0').optional(),
  },
  output: {
    finished: z.boolean().describe('Whether all have ended'),
    turns: z.array(Compared),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ turns }) => blocks(...turns.map(comparedText)),
});

function comparedText(turn: Compared): string | undefined {
  const outcome = turn.error_code ?? turn.summary;
  return titled(`${code(turn.agent_id)} ${turn.status}`, blocks(outcome ?? turn.turn_id, changesText(turn.changes), commandsText(turn.commands ?? [])));
}
