import { AGENT_ID_RULE } from '@codex-mcp/contracts';
import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { TurnView } from '../outputs/turn-view.schema.js';
import { bullets } from '../rendering/markdown.js';
import { turnLine } from '../rendering/turn-events.js';
import { defineManagementTool } from '../tool.js';

const MAX_TURNS = 100;

export const listTurns = defineManagementTool({
  name: 'list_turns',
  title: 'List turns',
  description: "An agent's turns of the last day, the newest first: running, queued and ended ones. get_turn has the content of each.",
  arguments: {
    agent_id: text(`The agent: ${AGENT_ID_RULE}. Default: yours.`).optional(),
    limit: z.int('must be a whole number').min(1).max(MAX_TURNS, `must be at most ${MAX_TURNS}`).describe('How many at most. Default: 20').optional(),
  },
  output: { agent_id: z.string(), turns: z.array(TurnView) },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ turns }) => (turns.length === 0 ? 'No turns.' : bullets(turns.map(turnLine))),
});
