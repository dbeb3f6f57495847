import { z } from 'zod';
import { paths } from '../arguments/argument.schema.js';
import { comparison } from '../outputs/turn-facts.schema.js';
import { blocks } from '../rendering/markdown.js';
import { changesText } from '../rendering/turn.js';
import { defineWorkspaceTool } from '../tool.js';

export const apply = defineWorkspaceTool({
  name: 'apply',
  title: 'Apply changes',
  description:
    "Takes the changes that the agent made in its copy over into the user's directory, merged with what was edited there meanwhile: all files or, where both sides changed the same lines, none. The directory's git index and branches are not touched.",
  access: 'read',
  arguments: {
    paths: paths('Only these').optional(),
    dry_run: z.boolean().describe('Only say what would be written').optional(),
  },
  output: { applied: z.boolean().describe('false: a dry run, or there was nothing to apply'), ...comparison },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  render: (output) => blocks(output.applied ? 'Applied to the directory.' : output.files.length === 0 ? 'There is nothing to apply.' : 'Nothing was written; this would be:', changesText(output)),
});
