import { AgentStatus, ReadOnlyTurns, RuntimeName } from '@codex-mcp/contracts';
import { z } from 'zod';

const isoTime = () => z.iso.datetime();

/** An agent as its caller sees it. */
export const agentView = {
  agent_id: z.string(),
  status: AgentStatus,
  runtime: RuntimeName,
  container_id: z.string().optional(),
  workspace: z.string().describe('Host directory that the agent works on, or "volume": a volume of its own'),
  workspace_mode: z.enum(['volume', 'isolated', 'direct']).describe('volume: a workspace of its own. isolated: a copy of the directory. direct: the directory itself'),
  read_only_turns: ReadOnlyTurns.optional().describe('enforced: calls that change nothing cannot write. compared: what they changed is undone or, in mode direct, reported'),
  thread_id: z.string().optional().describe('The current conversation: calls continue it unless they name another'),
  created_at: isoTime().describe('ISO 8601'),
  last_active_at: isoTime().describe('ISO 8601'),
  queued_turns: z.int().nonnegative(),
  running_turn: z.object({ turn_id: z.string(), tool: z.string(), started_at: isoTime().describe('ISO 8601') }).optional(),
};

export const AgentView = z.object(agentView);
export type AgentView = z.infer<typeof AgentView>;
