import { z } from 'zod';
import { paths, text } from '../arguments/argument.schema.js';
import { comparison } from '../outputs/turn-facts.schema.js';
import { changesText } from '../rendering/turn.js';
import { blocks } from '../rendering/markdown.js';
import { defineWorkspaceTool } from '../tool.js';
import { checkpointName } from './checkpoint.tool.js';

const MAX_BYTES = 16 * 1024 * 1024;

export const getDiff = defineWorkspaceTool({
  name: 'get_diff',
  title: 'Get a diff',
  description: "What changed in the agent's workspace, measured there: since its starting point or a checkpoint up to now, in one turn, or in one conversation. `git apply` takes the diff; binary files, renames and modes are in it. It does not wait while Codex is at work there, but tells the state at this moment, also of the turn that is at work; `get_turn` with `wait_s` is how to wait for a turn's end.",
  access: 'read',
  onlyLooks: true,
  arguments: {
    turn_id: text('Only what this turn changed').optional(),
    thread_id: text('Only what happened from the first to the last change of this conversation').optional(),
    since: checkpointName('Only what changed since this checkpoint').optional(),
    paths: paths('Only these').optional(),
    max_bytes: z.int().min(1).max(MAX_BYTES).describe('What would make the diff longer is left out of it, file by file. Default: 1048576').optional(),
  },
  output: { ...comparison, compared: z.string().describe('What was compared') },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: (output) => blocks(output.compared, changesText(output)),
});
