import { AGENT_ID_RULE } from '@codex-mcp/contracts';
import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { labelled, lines } from '../rendering/markdown.js';
import { defineManagementTool } from '../tool.js';

export const cleanupInactiveAgents = defineManagementTool({
  name: 'cleanup_inactive_agents',
  title: 'Clean up inactive agents',
  description:
    'Stops your agents that have been idle for long. A stopped agent keeps its workspace and conversation and starts again with its next turn; with remove, both are deleted for good. Agents with a running or queued turn are kept.',
  arguments: {
    agent_id: text(`Only this agent: ${AGENT_ID_RULE}. Default: all of yours.`).optional(),
    max_idle_seconds: z.number().nonnegative().optional().describe("How long an agent must have been idle. Default: the server's session timeout."),
    remove: z.boolean().optional().describe('false, the default: stop containers and keep volumes. true: delete the volumes, with workspace and conversation, as well'),
  },
  output: {
    stopped: z.array(z.string()).describe('Agent ids'),
    removed: z.array(z.string()).describe('Agent ids'),
    kept: z.int().nonnegative().describe('How many agents were left as they are'),
  },
  scope: 'admin',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  render: ({ stopped, removed, kept }) =>
    lines(
      labelled('Stopped', stopped.join(', ')),
      labelled('Removed', removed.join(', ')),
      stopped.length + removed.length === 0 ? 'No agent was idle for long enough.' : undefined,
      `Kept: ${kept}`,
    ),
});
