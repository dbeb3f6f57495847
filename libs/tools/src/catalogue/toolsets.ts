import { allows, AppError, Scope } from '@codex-mcp/contracts';
import type { Tool } from '../tool.js';
import { DROP_IN_TOOLS, findTool, type ListedTool, listTools, type ManagementToolName, TURN_TOOLS, WORKSPACE_TOOLS } from './catalogue.js';

/** Named parts of the catalogue, for clients that are not to see all of it. */
export const TOOLSETS = {
  core: 'plan, implement, review, fix, chat, audit, debug, and what waits for their turns, answers their questions and ends them',
  workspace: "files and changes of an agent's workspace",
  turns: 'turns: begin them without waiting, follow, steer and compare them',
  threads: "an agent's conversations",
  agents: 'agents and the state of the server',
  approvals: 'what turns ask before they act',
  codex: 'codex and codex-reply, as `codex mcp-server` had them',
} as const;
export type ToolsetName = keyof typeof TOOLSETS;

const OF_MANAGEMENT: { readonly [Name in ManagementToolName]: readonly ToolsetName[] } = {
  list_sessions: ['agents'],
  get_my_session_info: ['agents'],
  health_check: ['agents'],
  get_agent_status: ['agents'],
  list_active_agents: ['agents'],
  cleanup_inactive_agents: ['agents'],
  get_usage: ['agents'],
  start: ['turns'],
  implement_n: ['turns'],
  compare: ['turns'],
  get_turn: ['core', 'turns', 'codex'],
  list_turns: ['turns'],
  steer: ['core', 'turns'],
  cancel: ['core', 'turns', 'codex'],
  new_thread: ['threads'],
  fork: ['threads'],
  list_threads: ['threads'],
  list_approvals: ['core', 'turns', 'codex', 'approvals'],
  answer_approval: ['core', 'turns', 'codex', 'approvals'],
};

const TOOLSETS_OF: Readonly<Record<string, readonly ToolsetName[]>> = {
  ...OF_MANAGEMENT,
  ...ofAll(TURN_TOOLS, 'core'),
  ...ofAll(WORKSPACE_TOOLS, 'workspace'),
  ...ofAll(DROP_IN_TOOLS, 'codex'),
};

function ofAll(tools: object, toolset: ToolsetName): Record<string, readonly ToolsetName[]> {
  return Object.fromEntries(Object.keys(tools).map((name) => [name, [toolset]]));
}

/** Not a set, but what is left of one: the tools that change nothing. */
const READ_ONLY = 'readonly';
const ALL = 'all';

/** What a client sees of the catalogue. */
export type ToolSelection = {
  /** What `tools/list` answers; the same frozen array for the same choice. */
  readonly listed: readonly ListedTool[];
  /** Undefined also for a tool that is not among them. */
  readonly find: (name: string) => Tool | undefined;
};

const EVERYTHING: ReadonlySet<Scope> = new Set(Scope.options);

const selections = new Map<string, ToolSelection>();

/**
 * The tools of the named sets, separated by ","; "readonly" among them leaves those that change nothing. No name: all tools.
 * Of these, those that the scopes allow. Throws `invalid_arguments` for an unknown name.
 */
export function selectTools(choice: string | undefined, scopes: ReadonlySet<Scope> = EVERYTHING): ToolSelection {
  const words = new Set((choice ?? '').toLowerCase().split(',').map((word) => word.trim()).filter((word) => word !== ''));
  const isReadOnly = words.delete(READ_ONLY);
  const isAll = words.delete(ALL) || words.size === 0;
  const names = [...words].toSorted();
  const unknown = names.find((name) => !Object.hasOwn(TOOLSETS, name));
  if (unknown !== undefined) throw new AppError('invalid_arguments', `There is no toolset "${unknown.slice(0, 80)}". There are ${Object.keys(TOOLSETS).join(', ')} and all, several separated by ","; with readonly, only their tools that change nothing.`);
  const allowed = Scope.options.filter((scope) => allows(scopes, scope));
  const key = `${isAll ? ALL : names.join()}${isReadOnly ? ` ${READ_ONLY}` : ''} ${allowed.join()}`;
  const known = selections.get(key);
  if (known) return known;
  const selection = selectionOf((tool) => (isAll || TOOLSETS_OF[tool.name]?.some((name) => words.has(name)) === true) && (!isReadOnly || tool.annotations.readOnlyHint) && isAllowed(tool, scopes));
  selections.set(key, selection);
  return selection;
}

const isAllowed = ({ name }: ListedTool, scopes: ReadonlySet<Scope>): boolean => {
  const tool = findTool(name);
  return tool !== undefined && allows(scopes, tool.scope);
};

function selectionOf(isSelected: (tool: ListedTool) => boolean): ToolSelection {
  const all = listTools();
  const selected = all.filter(isSelected);
  const names = new Set(selected.map(({ name }) => name));
  const find = (name: string) => {
    const tool = findTool(name);
    return tool && names.has(tool.name) ? tool : undefined;
  };
  return Object.freeze({ listed: selected.length === all.length ? all : Object.freeze(selected), find });
}
