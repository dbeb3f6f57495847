import { z } from 'zod';
import { paths } from '../arguments/argument.schema.js';
import { blocks, bullets, code } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

const MAX_FILES = 10_000;

const WorkspaceFile = z.object({
  path: z.string().describe('Relative to the workspace; quoted as git does where it is not UTF-8'),
  type: z.enum(['file', 'link', 'repository']).describe('repository: a nested git repository, not looked into'),
  size: z.int().nonnegative().describe('Bytes'),
  executable: z.boolean().optional(),
});

export const listFiles = defineWorkspaceTool({
  name: 'list_files',
  title: 'List files',
  description: "The files of the agent's workspace with their sizes, without what the ignore rules name. Beside a turn that Codex is at work on, it shows the state at this moment; `get_turn` with `wait_s` is how to wait for a turn's end.",
  access: 'read',
  onlyLooks: true,
  arguments: {
    paths: paths('Only these').optional(),
    include_ignored: z.boolean().describe('Whether files that the ignore rules name are listed too. Default: false').optional(),
    limit: z.int().min(1).max(MAX_FILES).describe('How many files to list at most. Default: 1000').optional(),
  },
  output: {
    files: z.array(WorkspaceFile),
    total: z.int().nonnegative().describe('How many there are'),
    truncated: z.boolean().describe('Whether files are missing from the list'),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ files, total, truncated }) =>
    blocks(
      files.length === 0 ? 'No file.' : bullets(files.map(({ path, type, size, executable }) => `${code(path)} ${type === 'file' ? `${size} bytes` : type}${executable === true ? ', executable' : ''}`)),
      truncated ? `The first ${files.length} of ${total}.` : undefined,
    ),
});
