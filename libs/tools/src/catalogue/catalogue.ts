import { deepFreeze, type JsonSchema } from '../json-schema.js';
import type { Tool, ToolAnnotations } from '../tool.js';
import { answerApproval } from './answer-approval.tool.js';
import { cancel } from './cancel.tool.js';
import { cleanupInactiveAgents } from './cleanup-inactive-agents.tool.js';
import { DROP_IN_TOOLS } from './drop-in-tools.js';
import { fork } from './fork.tool.js';
import { compare } from './compare.tool.js';
import { getAgentStatus } from './get-agent-status.tool.js';
import { getMySessionInfo } from './get-my-session-info.tool.js';
import { getTurn } from './get-turn.tool.js';
import { getUsage } from './get-usage.tool.js';
import { healthCheck } from './health-check.tool.js';
import { implementN } from './implement-n.tool.js';
import { listActiveAgents } from './list-active-agents.tool.js';
import { listApprovals } from './list-approvals.tool.js';
import { listSessions } from './list-sessions.tool.js';
import { listThreads } from './list-threads.tool.js';
import { listTurns } from './list-turns.tool.js';
import { newThread } from './new-thread.tool.js';
import { start } from './start.tool.js';
import { steer } from './steer.tool.js';
import { TURN_TOOLS } from './turn-tools.js';
import { WORKSPACE_TOOLS } from './workspace-tools.js';

export { DROP_IN_TOOLS } from './drop-in-tools.js';
export { TURN_TOOLS, type TurnToolName } from './turn-tools.js';
export { WORKSPACE_TOOLS, type WorkspaceToolName } from './workspace-tools.js';

/** Tools that the edge answers, typed by name, so that a missing handler is a compile error. */
export const MANAGEMENT_TOOLS = {
  list_sessions: listSessions,
  get_my_session_info: getMySessionInfo,
  health_check: healthCheck,
  get_agent_status: getAgentStatus,
  list_active_agents: listActiveAgents,
  cleanup_inactive_agents: cleanupInactiveAgents,
  get_usage: getUsage,
  start,
  implement_n: implementN,
  compare,
  get_turn: getTurn,
  list_turns: listTurns,
  steer,
  cancel,
  list_approvals: listApprovals,
  answer_approval: answerApproval,
  new_thread: newThread,
  fork,
  list_threads: listThreads,
} as const;

export type ManagementToolName = keyof typeof MANAGEMENT_TOOLS;

const all: readonly Tool[] = [...Object.values(TURN_TOOLS), ...Object.values(WORKSPACE_TOOLS), ...Object.values(MANAGEMENT_TOOLS), ...Object.values(DROP_IN_TOOLS)];

/** Every tool by its name, in the order of listings. */
export const TOOLS: ReadonlyMap<string, Tool> = new Map(all.map((tool) => [tool.name, tool]));

const PREFIX = 'codex_';

/** A tool by its name, with or without the prefix `codex_`; undefined when there is none. */
export function findTool(name: string): Tool | undefined {
  return TOOLS.get(name) ?? (name.startsWith(PREFIX) ? TOOLS.get(name.slice(PREFIX.length)) : undefined);
}

/** A tool as `tools/list` shows it. */
export type ListedTool = {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: JsonSchema & { readonly type: 'object' };
  readonly outputSchema: JsonSchema & { readonly type: 'object' };
  readonly annotations: ToolAnnotations;
};

const LISTED = deepFreeze(
  all.map(({ name, title, description, inputSchema, outputSchema, annotations }): ListedTool => ({
    name,
    title,
    description,
    inputSchema: { ...inputSchema, type: 'object' },
    outputSchema: { ...outputSchema, type: 'object' },
    annotations,
  })),
);

/** What `tools/list` answers: plain JSON, always the same frozen array. */
export function listTools(): readonly ListedTool[] {
  return LISTED;
}
