import { AGENT_ID_RULE } from '@codex-mcp/contracts';
import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { agentView } from '../outputs/agent-view.schema.js';
import { agentText } from '../rendering/agents.js';
import { labelled, lines } from '../rendering/markdown.js';
import { defineManagementTool } from '../tool.js';

export const getAgentStatus = defineManagementTool({
  name: 'get_agent_status',
  title: 'Agent status',
  description: 'One of your agents in detail, with what it uses of processor and memory at the moment, as far as its runtime can tell.',
  arguments: { agent_id: text(`The agent: ${AGENT_ID_RULE}.`) },
  output: {
    ...agentView,
    cpu_percent: z.number().nonnegative().optional().describe('100 is one processor core'),
    memory_bytes: z.number().nonnegative().optional(),
    memory_limit_bytes: z.number().nonnegative().optional(),
    processes: z.int().nonnegative().optional(),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: (agent) =>
    lines(
      agentText(agent),
      labelled('CPU', agent.cpu_percent === undefined ? undefined : `${agent.cpu_percent.toFixed(1)} %`),
      labelled('Memory', memoryText(agent.memory_bytes, agent.memory_limit_bytes)),
      labelled('Processes', agent.processes),
    ),
});

function memoryText(used: number | undefined, limit: number | undefined): string | undefined {
  if (used === undefined) return undefined;
  return limit === undefined ? mebibytes(used) : `${mebibytes(used)} of ${mebibytes(limit)}`;
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
