import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { defineManagementTool } from '../tool.js';

export const cancel = defineManagementTool({
  name: 'cancel',
  title: 'Cancel a turn',
  description: 'Cancels one turn of yours, queued or running. Turns that wait behind it still run, and what it already changed in the workspace stays.',
  arguments: { turn_id: text('The turn to cancel. Default: the one that your agent is running.').optional() },
  output: {
    turn_id: z.string().optional().describe('The turn that was meant; absent when none was running'),
    cancelled: z.boolean(),
    reason: z.string().optional().describe('Why nothing was cancelled'),
  },
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  render: ({ turn_id, cancelled, reason }) => {
    if (cancelled) return `Cancelled ${turn_id ?? 'the running turn'}.`;
    return reason === undefined ? 'Nothing was cancelled.' : `Nothing was cancelled: ${reason}`;
  },
});
