import { TurnStatus } from '@codex-mcp/contracts';
import { z } from 'zod';
import { objectOf } from '../arguments/argument.schema.js';
import { code, lines } from '../rendering/markdown.js';
import { defineManagementTool } from '../tool.js';
import { TURN_TOOL_NAMES } from './turn-tools.js';

export const start = defineManagementTool({
  name: 'start',
  title: 'Start a turn',
  description: 'Starts any tool that runs Codex and returns at once with its turn_id; the turn goes on by itself, whatever becomes of this connection. get_turn has its progress and result. For long work, or to have several agents work at the same time.',
  arguments: {
    tool: z.preprocess(withoutPrefix, z.enum(TURN_TOOL_NAMES)).describe('The tool to run'),
    arguments: objectOf("That tool's arguments, as it takes them itself"),
  },
  output: {
    turn_id: z.string(),
    agent_id: z.string(),
    thread_id: z.string().optional(),
    tool: z.string(),
    status: TurnStatus.describe('queued, unless idempotency_key named a turn that exists'),
    position: z.int().nonnegative().describe('How many turns of the agent run before it'),
    next: z.string().describe('How to get the rest'),
  },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false },
  render: (turn) => lines(`${code(turn.turn_id)} ${turn.tool} for agent ${code(turn.agent_id)}: ${turn.status}, ${turn.position} before it`, turn.next),
});

function withoutPrefix(value: unknown): unknown {
  return typeof value === 'string' ? value.trim().toLowerCase().replace(/^codex_/, '') : value;
}
