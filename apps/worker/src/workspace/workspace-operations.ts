import { composeWorkspaceOutput, type JsonObject, type WorkspaceTool, type WorkspaceToolName } from '@codex-mcp/tools';
import { apply, openWorkspace } from './operations/applying.js';
import { commit, exportPatch } from './operations/committing.js';
import { getDiff } from './operations/comparing.js';
import type { Operation, OperationContext } from './operations/operation.js';
import { listFiles, readFile, search } from './operations/looking.js';
import { createPullRequest } from './operations/publishing.js';
import { putFiles } from './operations/uploading.js';
import { checkpoint, discard, restore } from './operations/restoring.js';

const OPERATIONS: { [Name in WorkspaceToolName]: Operation<Name> } = {
  open_workspace: openWorkspace,
  get_diff: getDiff,
  apply,
  discard,
  checkpoint,
  restore,
  read_file: readFile,
  list_files: listFiles,
  search,
  put_files: putFiles,
  commit,
  export_patch: exportPatch,
  create_pull_request: createPullRequest,
};

/** What tells the agent's own changes, or looks at the directory itself, needs no copy that is up to date with it. */
const TAKES_AS_IT_IS: ReadonlySet<string> = new Set<WorkspaceToolName>(['get_diff', 'apply']);
export const needsFreshCopy = ({ name }: WorkspaceTool): boolean => !TAKES_AS_IT_IS.has(name);

/** Answers a workspace tool for an agent whose session is open. */
export async function operate(tool: WorkspaceTool, context: OperationContext, startedAtMs: number): Promise<JsonObject> {
  // The catalogue has no workspace tool that is not named here, and each with its own operation.
  const operation = OPERATIONS[tool.name as WorkspaceToolName] as (context: OperationContext, args: unknown) => Promise<object>;
  const { turnId, agent } = context.request;
  const output = await operation(context, tool.arguments.parse(context.request.arguments));
  return composeWorkspaceOutput(tool, { ...output, turn_id: turnId, agent_id: agent.agentId, duration_ms: Date.now() - startedAtMs });
}
