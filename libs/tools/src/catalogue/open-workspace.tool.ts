import { z } from 'zod';
import { workspaceChoice } from '../arguments/argument.schema.js';
import { code, lines } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

export const openWorkspace = defineWorkspaceTool({
  name: 'open_workspace',
  title: 'Open a workspace',
  description:
    "Has the agent work on a directory of the server from now on: on a copy of it (isolated), which follows what is edited there and whose changes `apply` takes over, or in the directory itself (direct). Without a directory it says what the agent works in. Each directory's copy is kept.",
  access: 'read',
  arguments: workspaceChoice,
  output: {
    mode: z.enum(['volume', 'isolated', 'direct']).describe('volume: a workspace of its own'),
    path: z.string().optional().describe('The directory'),
    changed_files: z.int().nonnegative().describe('Files that the agent has changed and not applied'),
  },
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  render: ({ mode, path, changed_files: changed }) => lines(path === undefined ? 'The agent works in a volume of its own.' : `The agent works ${mode === 'direct' ? 'in' : 'on a copy of'} ${code(path)}.`, `Changed files: ${changed}`),
});
