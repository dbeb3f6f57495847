import { AGENT_ID_RULE } from '@codex-mcp/contracts';
import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { usageSums } from '../outputs/usage.schema.js';
import { usageText } from '../rendering/usage.js';
import { defineManagementTool } from '../tool.js';

const MAX_DAYS = 90;

export const getUsage = defineManagementTool({
  name: 'get_usage',
  title: 'Usage',
  description: 'Model requests, tokens and costs of your agents by day, agent or model, as the gateway counted them, and what is left of budgets. Days are in UTC.',
  arguments: {
    agent_id: text(`Only this agent: ${AGENT_ID_RULE}. Default: all of yours.`).optional(),
    days: z.int('must be a whole number').min(1).max(MAX_DAYS, `must be at most ${MAX_DAYS}`).describe('How many days, today included. Default: 7').optional(),
    by: z.enum(['day', 'agent', 'model']).describe('What each row is for. Default: day').optional(),
  },
  output: {
    since: z.string().describe('The first day, as in 2026-11-22'),
    until: z.string(),
    total: z.object(usageSums),
    rows: z.array(z.object({ name: z.string().describe('The day, agent_id or model'), ...usageSums })).describe('Days: the latest first; agents and models: the 100 with the most tokens'),
    budgets: z
      .array(z.object({ scope: z.enum(['agent', 'tenant']).describe('agent: of the agent that the call names, else yours. tenant: of all agents together'), unit: z.enum(['tokens', 'usd']), limit: z.number(), spent: z.number() }))
      .optional()
      .describe('Of today; a turn beyond one is refused. Absent: there are none'),
    budgets_reset_at: z.string().optional(),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: usageText,
});
