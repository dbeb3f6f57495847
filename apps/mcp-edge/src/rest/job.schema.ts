import { ErrorBody, TurnEvent, TurnStatus } from '@codex-mcp/contracts';
import { MANAGEMENT_TOOLS, TurnView } from '@codex-mcp/tools';
import { z } from 'zod';

const Content = z.array(z.object({ type: z.literal('text'), text: z.string() })).describe('The same for a person');

/** What a call over plain HTTP answers; `structured` is the tool's own output. */
export const callResult = <T extends z.ZodType>(structured: T) =>
  z.object({ structuredContent: structured, content: Content, turn_id: z.string().optional().describe('The turn that ran, for GET /jobs/<turn_id>') });

const jobPaths = {
  events: z.string().describe('Path of its events'),
};

/** A turn that was accepted and is not waited for. */
export const JobAccepted = z.object({ ...MANAGEMENT_TOOLS.start.output.shape, job: z.string().describe('Path of the job'), ...jobPaths });

/** A turn as GET /jobs/<turn_id> shows it. */
export const JobView = TurnView.omit({ error_code: true }).extend({
  ...jobPaths,
  pending_approvals: MANAGEMENT_TOOLS.get_turn.output.shape.pending_approvals,
  result: z.object({ structuredContent: z.record(z.string(), z.unknown()), content: Content }).optional().describe("The tool's result, once the turn is completed"),
  error: ErrorBody.optional().describe('Why the turn ended without a result'),
});

export const JobCancelled = z.object({
  turn_id: z.string(),
  status: TurnStatus,
  cancel: z.enum(['cancelled', 'requested']).describe('cancelled: it had not begun and has ended. requested: its worker was told, and ends it soon'),
});

// An output may hold any JSON, which a schema could only say by referring to itself.
const events = TurnEvent.options.map((option) => (option.shape.type.value === 'completed' ? option.extend({ output: z.record(z.string(), z.unknown()) }) : option));

/** `data` of a server-sent event of a turn. */
export const JobEvent = z.object({ seq: z.int().positive().describe('Counts up from 1 within the turn'), at_ms: z.number().describe('Epoch milliseconds'), event: z.union(events) });
