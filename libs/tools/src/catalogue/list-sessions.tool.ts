import { AGENT_ID_RULE } from '@codex-mcp/contracts';
import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { AgentView } from '../outputs/agent-view.schema.js';
import { agentsText } from '../rendering/agents.js';
import { defineManagementTool } from '../tool.js';

export const listSessions = defineManagementTool({
  name: 'list_sessions',
  title: 'List sessions',
  description: 'Your agents, running and stopped, each with its container, workspace, conversation, queue and running turn.',
  arguments: { agent_id: text(`Only this agent: ${AGENT_ID_RULE}. Default: all of yours.`).optional() },
  output: { sessions: z.array(AgentView) },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ sessions }) => agentsText(sessions, 'No sessions.'),
});
