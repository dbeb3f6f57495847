import { apply } from './apply.tool.js';
import { checkpoint } from './checkpoint.tool.js';
import { commit } from './commit.tool.js';
import { createPullRequest } from './create-pull-request.tool.js';
import { discard } from './discard.tool.js';
import { exportPatch } from './export-patch.tool.js';
import { getDiff } from './get-diff.tool.js';
import { listFiles } from './list-files.tool.js';
import { openWorkspace } from './open-workspace.tool.js';
import { putFiles } from './put-files.tool.js';
import { readFile } from './read-file.tool.js';
import { restore } from './restore.tool.js';
import { search } from './search.tool.js';

/** Tools that a worker answers from the workspace, typed by name, so that a missing handler is a compile error. */
export const WORKSPACE_TOOLS = {
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
} as const;

export type WorkspaceToolName = keyof typeof WORKSPACE_TOOLS;
