import { deepFreeze, type JsonSchema } from '../json-schema.js';
import type { Tool, ToolAnnotations } from '../tool.js';
import { audit } from './audit.tool.js';
import { cancel } from './cancel.tool.js';
import { chat } from './chat.tool.js';
import { cleanupInactiveAgents } from './cleanup-inactive-agents.tool.js';
import { debug } from './debug.tool.js';
import { fix } from './fix.tool.js';
import { getAgentStatus } from './get-agent-status.tool.js';
import { getMySessionInfo } from './get-my-session-info.tool.js';
import { healthCheck } from './health-check.tool.js';
import { implement } from './implement.tool.js';
import { listActiveAgents } from './list-active-agents.tool.js';
import { listSessions } from './list-sessions.tool.js';
import { plan } from './plan.tool.js';
import { review } from './review.tool.js';

/** Tools that Codex runs, typed by name. */
export const TURN_TOOLS = { plan, implement, review, fix, chat, audit, debug } as const;

/** Tools that the edge answers, typed by name, so that a missing handler is a compile error. */
export const MANAGEMENT_TOOLS = {
  list_sessions: listSessions,
  get_my_session_info: getMySessionInfo,
  health_check: healthCheck,
  get_agent_status: getAgentStatus,
  list_active_agents: listActiveAgents,
  cleanup_inactive_agents: cleanupInactiveAgents,
  cancel,
} as const;

export type TurnToolName = keyof typeof TURN_TOOLS;
export type ManagementToolName = keyof typeof MANAGEMENT_TOOLS;

const all: readonly Tool[] = [...Object.values(TURN_TOOLS), ...Object.values(MANAGEMENT_TOOLS)];

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
