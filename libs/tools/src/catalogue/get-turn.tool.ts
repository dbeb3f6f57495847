import { z } from 'zod';
import { text } from '../arguments/argument.schema.js';
import { ApprovalView } from '../outputs/approval-view.schema.js';
import { TurnEventView, turnView } from '../outputs/turn-view.schema.js';
import { approvalBlock } from '../rendering/approvals.js';
import { blocks, bullets, titled } from '../rendering/markdown.js';
import { eventsText, turnLine } from '../rendering/turn-events.js';
import { defineManagementTool } from '../tool.js';
import { TURN_TOOLS } from './turn-tools.js';

const MAX_WAIT_S = 50;

const CURSOR = /^\d{1,15}-\d{1,15}$/;

export const getTurn = defineManagementTool({
  name: 'get_turn',
  title: 'Get a turn',
  description:
    'A turn of yours, running or ended: its status, what happened in it after a cursor (messages, commands with exit codes, file changes), and when it has ended its result or error. With wait_s it waits until there is something new. Turns are kept for some time after their end.',
  arguments: {
    turn_id: text('The turn'),
    cursor: z.string().refine((value) => CURSOR.test(value), 'must be the next_cursor of an earlier get_turn').describe('next_cursor of the last call: only what came after it. Default: from the beginning').optional(),
    wait_s: z.number().nonnegative().max(MAX_WAIT_S, `must be at most ${MAX_WAIT_S}`).describe('Seconds to wait for something new after the cursor, or for the end. Default: 0').optional(),
  },
  output: {
    ...turnView,
    events: z.array(TurnEventView).describe('What happened after the cursor, in order'),
    next_cursor: z.string().describe('The cursor of the next call'),
    more: z.boolean().describe('true: there are more events already; call again with next_cursor'),
    pending_approvals: z.array(ApprovalView).optional().describe('What the turn asks and waits for; answer_approval answers'),
    result: z.record(z.string(), z.unknown()).optional().describe("The tool's result, once the turn is completed"),
    error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean(), detail: z.string().optional() }).optional().describe('Why the turn ended without a result'),
  },
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true },
  render: (turn) =>
    blocks(
      turnLine({ ...turn, error_code: turn.error?.code }),
      titled('Events', eventsText(turn.events)),
      titled('Waits for approval', bullets(turn.pending_approvals?.map(approvalBlock))),
      titled('Result', resultText(turn.tool, turn.result)),
      titled('Error', turn.error && `${turn.error.code}: ${turn.error.message}`),
      turn.more || turn.finished_at === undefined ? `_next_cursor ${turn.next_cursor}${turn.more ? '; there is more' : ''}_` : undefined,
    ),
});

function resultText(tool: string, result: Record<string, unknown> | undefined): string | undefined {
  const definition = Object.values(TURN_TOOLS).find(({ name }) => name === tool);
  if (result === undefined || definition === undefined) return undefined;
  return (definition.render as (output: unknown) => string)(definition.output.parse(result));
}
