import { z } from 'zod';
import { bullets, code, blocks } from '../rendering/markdown.js';
import { defineManagementTool } from '../tool.js';
import { Compared, comparison } from './compare.tool.js';
import { implement } from './implement.tool.js';

const MAX_AGENTS = 8;
const MAX_WAIT_S = 50;

export const implementN = defineManagementTool({
  name: 'implement_n',
  title: 'Implement several times',
  description:
    'Gives the same task to several agents, each on its own copy of the directory and its own branch, and returns their turns, with wait_s also what became of them. `compare` waits for them and shows their changes and tests side by side; `apply` takes over those of the agent that you choose.',
  arguments: {
    n: z.int('must be a whole number').min(2, 'must be at least 2').max(MAX_AGENTS, `must be at most ${MAX_AGENTS}`).describe('How many agents. They are named after agent_id: <agent_id>-1, <agent_id>-2 and so on'),
    wait_s: z.number().nonnegative().max(MAX_WAIT_S, `must be at most ${MAX_WAIT_S}`).describe('Seconds to wait for all of them to end, and to show their changes and tests side by side. Default: 0, which shows the turns alone').optional(),
    ...implement.arguments.shape,
  },
  output: {
    turns: z.array(
      z.object({
        agent_id: z.string(),
        turn_id: z.string().optional(),
        error_code: z.string().optional().describe('Why this agent did not get the task'),
        error: z.string().optional(),
      }),
    ),
    results: z.array(Compared).optional().describe('With wait_s: what became of each turn up to now, as compare shows it'),
    next: z.string().describe('How to get the rest'),
  },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false },
  render: ({ turns, results, next }) => blocks(bullets(turns.map((turn) => `${code(turn.agent_id)}: ${turn.turn_id ?? `${turn.error_code}: ${turn.error}`}`)), results && comparison(results), next),
});
