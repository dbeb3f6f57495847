import { TurnStatus } from '@codex-mcp/contracts';
import { z } from 'zod';

const time = () => z.iso.datetime().describe('ISO 8601');

/** A turn as its caller sees it. */
export const turnView = {
  turn_id: z.string(),
  agent_id: z.string(),
  thread_id: z.string().optional().describe('The conversation that it belongs to; none has a tool that works without Codex'),
  tool: z.string(),
  status: TurnStatus,
  accepted_at: time(),
  started_at: time().optional(),
  finished_at: time().optional(),
};

export const TurnView = z.object({ ...turnView, error_code: z.string().optional().describe('Why it did not complete') });
export type TurnView = z.infer<typeof TurnView>;

const EVENT_TYPES = ['queued', 'started', 'status', 'message', 'reasoning', 'command', 'file_change', 'tool_call', 'plan', 'review', 'compaction', 'other', 'steered', 'steer_refused', 'approval_requested', 'approval_answered'] as const;

/** One thing that happened in a turn. */
export const TurnEventView = z.object({
  seq: z.int().positive().describe('Counts up within the turn'),
  at: time(),
  type: z.enum(EVENT_TYPES),
  text: z.string().describe('What was said, run or changed'),
  status: z.string().optional().describe('Of a command, file change or tool call'),
  exit_code: z.int().optional(),
  approval_id: z.string().optional(),
  output: z.string().optional().describe('The end of what a command printed'),
  partial: z.boolean().optional().describe('true: not finished when this was read. It comes again, whole, after next_cursor'),
});
export type TurnEventView = z.infer<typeof TurnEventView>;
