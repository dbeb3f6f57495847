import { z } from 'zod';
import { WorkspacePath } from '../arguments/argument.schema.js';
import { bullets, code } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

const MAX_FILES = 1000;

const UploadedFile = z
  .strictObject({
    path: WorkspacePath.describe('Relative to the workspace; missing directories are made'),
    content: z.string().describe('As text').optional(),
    base64: z.string().describe('As bytes, instead of content').optional(),
    executable: z.boolean().describe('Default: as it is, and false for a new file').optional(),
  })
  .refine(({ content, base64 }) => (content === undefined) !== (base64 === undefined), 'must have content or base64');

export const putFiles = defineWorkspaceTool({
  name: 'put_files',
  title: 'Put files into the workspace',
  description: "Writes files into the agent's workspace, all of them or, where one cannot be written, none. Give files or tar, at most 3 MB a call. Nothing is written through links or into .git.",
  access: 'write',
  arguments: {
    files: z.array(UploadedFile).min(1).max(MAX_FILES).describe('The files').optional(),
    tar: z.string().describe(`A tar archive (may be gzipped) as base64, with at most ${MAX_FILES} regular files`).optional(),
  },
  output: { files: z.array(z.object({ path: z.string(), size: z.int().nonnegative(), created: z.boolean().describe('false: there was one, which is replaced') })) },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  render: ({ files }) => bullets(files.map(({ path, size, created }) => `${code(path)} ${created ? 'created' : 'replaced'}, ${size} bytes`)),
});
