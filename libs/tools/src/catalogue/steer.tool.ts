import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { defineManagementTool } from '../tool.js';

export const steer = defineManagementTool({
  name: 'steer',
  title: 'Steer a turn',
  description: 'Adds a message to a turn of yours while it runs, such as a correction or something you forgot; Codex reads it at its next step. The call whose turn it is answers as ever.',
  arguments: {
    message: text('The message, passed on as it is'),
    turn_id: text('The turn. Default: the one that your agent is running.').optional(),
  },
  output: { turn_id: z.string(), steered: z.boolean().describe('true: Codex has taken the message') },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false },
  render: ({ turn_id }) => `${turn_id} has taken the message.`,
});
