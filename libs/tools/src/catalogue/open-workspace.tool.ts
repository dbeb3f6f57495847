import { z } from 'zod';
import { workspaceChoice } from '../arguments/argument.schema.js';
import { code, lines } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

export const REPOSITORY_URL = /^https:\/\/[\w.:[\]-]+(?:\/[\w.~+@-]+)+$/;
const REF_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.+/@#-]*$/u;

export const openWorkspace = defineWorkspaceTool({
  name: 'open_workspace',
  title: 'Open a workspace',
  description:
    "Has the agent work on a directory of the server, in this session from now on: on a copy of it (isolated), which follows what is edited there and whose changes `apply` takes over, or in the directory itself (direct). Each directory's copy is kept. With a URL the agent's own workspace becomes a clone of that git repository, from a host that the operator lists in GIT_HOSTS. With neither it says what the agent works in.",
  access: 'read',
  arguments: {
    ...workspaceChoice,
    url: z.string().refine((url) => REPOSITORY_URL.test(url), 'must be such as https://github.com/user/project, without user or password: those are for GIT_CREDENTIALS_FILE of the server').describe('A git repository to clone into the workspace of the agent’s own').optional(),
    branch: z.string().refine((name) => REF_NAME.test(name), 'must be the name of a branch or tag').describe('Branch or tag to check out. Default: the repository’s own choice').optional(),
    depth: z.int().min(1).describe('Only so many of the latest commits. Default: all').optional(),
    discard: z.boolean().describe('Replace a workspace that has changes; before-open is the checkpoint of what was there').optional(),
  },
  output: {
    mode: z.enum(['volume', 'isolated', 'direct']).describe('volume: a workspace of its own'),
    path: z.string().optional().describe('The directory'),
    repository: z.object({ url: z.string(), commit: z.string(), branch: z.string().optional() }).optional().describe('What was cloned'),
    changed_files: z.int().nonnegative().describe('Files that the agent has changed and not applied'),
  },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  render: ({ mode, path, repository, changed_files: changed }) =>
    lines(
      path === undefined ? 'The agent works in a volume of its own.' : `The agent works ${mode === 'direct' ? 'in' : 'on a copy of'} ${code(path)}.`,
      repository && `It is a clone of ${code(repository.url)} at ${code(repository.commit.slice(0, 10))}.`,
      `Changed files: ${changed}`,
    ),
});
