import { composeWorkspaceOutput, type JsonObject, type WorkspaceTool, type WorkspaceToolName } from '@codex-mcp/tools';
import { apply, openWorkspace } from './operations/applying.js';
import { commit, exportPatch } from './operations/committing.js';
import { getDiff } from './operations/comparing.js';
import type { Look, LookContext, Operation, OperationContext } from './operations/operation.js';
import { listFiles, readFile, search } from './operations/looking.js';
import { createPullRequest } from './operations/publishing.js';
import { putFiles } from './operations/uploading.js';
import { checkpoint, discard, restore } from './operations/restoring.js';

const LOOKS = { get_diff: getDiff, read_file: readFile, list_files: listFiles, search } satisfies { [Name in WorkspaceToolName]?: Look<Name> };

const OPERATIONS: { [Name in WorkspaceToolName]: Operation<Name> } = {
  open_workspace: openWorkspace,
  ...LOOKS,
  apply,
  discard,
  checkpoint,
  restore,
  put_files: putFiles,
  commit,
  export_patch: exportPatch,
  create_pull_request: createPullRequest,
};

/** What tells the agent's own changes, or looks at the directory itself, needs no copy that is up to date with it. */
const TAKES_AS_IT_IS: ReadonlySet<string> = new Set<WorkspaceToolName>(['get_diff', 'apply']);
export const needsFreshCopy = ({ name }: WorkspaceTool): boolean => !TAKES_AS_IT_IS.has(name);

/** Answers a workspace tool for an agent whose session is open. */
export function operate(tool: WorkspaceTool, context: OperationContext, startedAtMs: number): Promise<JsonObject> {
  // The catalogue has no workspace tool that is not named here, and each with its own operation.
  return answered(tool, OPERATIONS[tool.name as WorkspaceToolName] as (context: OperationContext, args: unknown) => Promise<object>, context, startedAtMs);
}

/** Answers one that only looks, also beside a turn that is at work. */
export function look(tool: WorkspaceTool, context: LookContext, startedAtMs: number): Promise<JsonObject> {
  return answered(tool, LOOKS[tool.name as keyof typeof LOOKS] as (context: LookContext, args: unknown) => Promise<object>, context, startedAtMs);
}

async function answered<Context extends LookContext>(tool: WorkspaceTool, operation: (context: Context, args: unknown) => Promise<object>, context: Context, startedAtMs: number): Promise<JsonObject> {
  const { turnId, agent } = context.request;
  const output = await operation(context, tool.arguments.parse(context.request.arguments));
  return composeWorkspaceOutput(tool, { ...output, turn_id: turnId, agent_id: agent.agentId, duration_ms: Date.now() - startedAtMs });
}
