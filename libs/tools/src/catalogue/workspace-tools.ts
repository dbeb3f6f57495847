import { checkpoint } from './checkpoint.tool.js';
import { discard } from './discard.tool.js';
import { getDiff } from './get-diff.tool.js';
import { restore } from './restore.tool.js';

/** Tools that a worker answers from the workspace, typed by name, so that a missing handler is a compile error. */
export const WORKSPACE_TOOLS = { get_diff: getDiff, discard, checkpoint, restore } as const;

export type WorkspaceToolName = keyof typeof WORKSPACE_TOOLS;
