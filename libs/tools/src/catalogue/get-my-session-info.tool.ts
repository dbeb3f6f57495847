import { z } from 'zod';
import { AgentView } from '../outputs/agent-view.schema.js';
import { agentText } from '../rendering/agents.js';
import { defineManagementTool } from '../tool.js';

export const getMySessionInfo = defineManagementTool({
  name: 'get_my_session_info',
  title: 'My session',
  description: 'The agent that your calls go to: its container, workspace, conversation, queue and running turn. It exists from your first call that needs Codex.',
  arguments: {},
  output: { exists: z.boolean().describe('When false, only agent_id is known'), ...AgentView.partial().required({ agent_id: true }).shape },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: (session) => (session.exists ? agentText(session) : `Agent ${session.agent_id} does not exist yet; the first call that needs Codex starts it.`),
});
