import { paths } from '../arguments/argument.schema.js';
import { comparison } from '../outputs/turn-facts.schema.js';
import { changesText } from '../rendering/turn.js';
import { blocks, code } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';
import { checkpointName } from './checkpoint.tool.js';

export const restore = defineWorkspaceTool({
  name: 'restore',
  title: 'Go back to a checkpoint',
  description: "Makes the workspace what it was at a checkpoint: files made since are removed, changed and removed ones are back. The state before is kept as the checkpoint `before-restore`. Files that the ignore rules name stay as they are.",
  access: 'write',
  arguments: {
    name: checkpointName('The checkpoint'),
    paths: paths('Only these').optional(),
  },
  output: comparison,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  render: (output) => blocks(`The workspace is restored; ${code('before-restore')} has what it was before.`, changesText(output)),
});
