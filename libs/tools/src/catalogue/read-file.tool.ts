import { z } from 'zod';
import { WorkspacePath } from '../arguments/argument.schema.js';
import { blocks, code, fenced } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

const MAX_LINES = 100_000;
const MAX_BYTES = 4 * 1024 * 1024;

export const readFile = defineWorkspaceTool({
  name: 'read_file',
  title: 'Read a file',
  description: "A file of the agent's workspace, or some of its lines. What is not UTF-8 comes as base64. Links that lead out of the workspace are not followed. Beside a turn that Codex is at work on, it shows the state at this moment; `get_turn` with `wait_s` is how to wait for a turn's end.",
  access: 'read',
  onlyLooks: true,
  arguments: {
    path: WorkspacePath.describe('Relative to the workspace'),
    offset: z.int().min(1).describe('The first line to read, counted from 1. Default: 1').optional(),
    limit: z.int().min(1).max(MAX_LINES).describe('How many lines to read. Default: 2000').optional(),
    max_bytes: z.int().min(1).max(MAX_BYTES).describe('Reading ends with the line before this many bytes. Default: 262144').optional(),
  },
  output: {
    path: z.string(),
    content: z.string(),
    encoding: z.enum(['utf-8', 'base64']).describe('base64: the bytes of a file that is not UTF-8 text'),
    size: z.int().nonnegative().describe('Bytes of the whole file'),
    lines: z.int().nonnegative().describe('Lines of the whole file'),
    truncated: z.boolean().describe('Whether the file goes on after content'),
    next_offset: z.int().optional().describe('Where to read on'),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ path, content, encoding, size, lines, next_offset: next }) =>
    blocks(`${code(path)}: ${size} bytes, ${lines} lines${encoding === 'base64' ? ', not UTF-8' : ''}`, fenced('', content), next === undefined ? undefined : `It goes on at line ${next} (offset).`),
});
