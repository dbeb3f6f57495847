import { paths, text } from '../arguments/argument.schema.js';
import { comparison } from '../outputs/turn-facts.schema.js';
import { changesText } from '../rendering/turn.js';
import { blocks, code } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';

export const discard = defineWorkspaceTool({
  name: 'discard',
  title: 'Discard changes',
  description: "Takes the agent's changes in its workspace back: all since its starting point, or those since before a turn. The state before is kept as the checkpoint `before-discard`. Files that the ignore rules name stay as they are.",
  access: 'write',
  arguments: {
    turn_id: text('Back to what the workspace was before this turn. Default: to its starting point').optional(),
    paths: paths('Only these').optional(),
  },
  output: comparison,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  render: (output) => blocks(`The changes are discarded; ${code('before-discard')} has what the workspace was before.`, changesText(output)),
});
