import { AGENT_ID_RULE } from '@codex-mcp/contracts';
import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { AgentView } from '../outputs/agent-view.schema.js';
import { agentsText } from '../rendering/agents.js';
import { defineManagementTool } from '../tool.js';

export const listActiveAgents = defineManagementTool({
  name: 'list_active_agents',
  title: 'List active agents',
  description: 'Your agents that run at the moment. list_sessions also has those that are stopped.',
  arguments: { agent_id: text(`Only this agent: ${AGENT_ID_RULE}. Default: all of yours.`).optional() },
  output: { agents: z.array(AgentView) },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ agents }) => agentsText(agents, 'No agent is running.'),
});
