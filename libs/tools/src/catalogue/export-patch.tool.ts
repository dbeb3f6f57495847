import { z } from 'zod';
import { paths, text } from '../arguments/argument.schema.js';
import { author, commitMessage } from '../arguments/author.schema.js';
import { ChangedFile } from '../outputs/turn-facts.schema.js';
import { blocks, bullets, code } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';
import { checkpointName } from './checkpoint.tool.js';

export const exportPatch = defineWorkspaceTool({
  name: 'export_patch',
  title: 'Export a patch',
  description: "What changed in the agent's workspace as one patch that `git am` takes, with author and message: since its starting point or a checkpoint up to now, in one turn, or in one conversation.",
  access: 'read',
  arguments: {
    message: commitMessage,
    ...author,
    turn_id: text('Only what this turn changed').optional(),
    thread_id: text('Only what happened from the first to the last change of this conversation').optional(),
    since: checkpointName('Only what changed since this checkpoint').optional(),
    paths: paths('Only these').optional(),
  },
  output: {
    patch: z.string().describe('An mbox with one message; empty when nothing changed'),
    files: z.array(ChangedFile),
    compared: z.string().describe('What was compared'),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: ({ patch, files, compared }) => blocks(compared, files.length === 0 ? 'No file was changed.' : bullets(files.map(({ path, status }) => `${code(path)} ${status}`)), patch === '' ? undefined : 'The structured result holds the patch.'),
});
