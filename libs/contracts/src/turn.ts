import { z } from 'zod';
import { AgentIdentity, WorkspaceChoice } from './agent.js';
import { ApprovalAnswer, ApprovalSubject } from './approval.js';
import { ErrorBody } from './errors.js';
import { ThreadSettings } from './thread.js';

/** An accepted tool invocation; written once, before its job exists. */
export const TurnRequest = z.object({
  turnId: z.string(),
  tool: z.string(),
  agent: AgentIdentity,
  /** Who of the tenant asked. */
  principal: z.string().optional(),
  arguments: z.record(z.string(), z.json()),
  correlationId: z.string(),
  acceptedAtMs: z.number(),
  /** The conversation that it continues: the one that the call names, else the agent's current one; `fresh` begins one. Absent where Codex has no part. */
  thread: z.object({ named: z.string().optional(), /** The beginning of what is asked. */ opening: z.string(), fresh: ThreadSettings.optional() }).optional(),
  /** Less than what its tool may do. */
  access: z.literal('read').optional(),
  /** A second request of the same agent with this key is the same turn. */
  idempotencyKey: z.string().max(200).optional(),
  /** The directory that the caller works in, for a call that names none. */
  workspace: WorkspaceChoice.optional(),
});
export type TurnRequest = z.infer<typeof TurnRequest>;

export const TurnStatus = z.enum(['queued', 'running', 'completed', 'failed', 'interrupted', 'cancelled']);
export type TurnStatus = z.infer<typeof TurnStatus>;

export const isTerminal = (status: TurnStatus): boolean => status !== 'queued' && status !== 'running';

/** One thing that Codex did in a turn. */
export const TurnItem = z.discriminatedUnion('type', [
  z.object({ type: z.literal('message'), id: z.string(), text: z.string(), interim: z.boolean() }),
  z.object({ type: z.literal('reasoning'), id: z.string(), text: z.string() }),
  z.object({
    type: z.literal('command'),
    id: z.string(),
    command: z.string(),
    status: z.enum(['running', 'completed', 'failed', 'declined']),
    exitCode: z.number().optional(),
    durationMs: z.number().optional(),
    output: z.string().optional(),
  }),
  z.object({
    type: z.literal('file_change'),
    id: z.string(),
    status: z.enum(['running', 'completed', 'failed', 'declined']),
    files: z.array(z.object({ path: z.string(), kind: z.string() })),
  }),
  z.object({ type: z.literal('tool_call'), id: z.string(), name: z.string(), status: z.string() }),
  z.object({ type: z.literal('plan'), id: z.string(), text: z.string() }),
  z.object({ type: z.literal('review'), id: z.string(), text: z.string() }),
  z.object({ type: z.literal('compaction'), id: z.string() }),
  z.object({ type: z.literal('other'), id: z.string(), name: z.string() }),
]);
export type TurnItem = z.infer<typeof TurnItem>;

/** Tokens of one turn, as the model reported them. */
export const TokenUsage = z.object({
  inputTokens: z.number(),
  cachedInputTokens: z.number(),
  outputTokens: z.number(),
  reasoningTokens: z.number(),
});
export type TokenUsage = z.infer<typeof TokenUsage>;

/** What a turn log holds. Terminal events end it: exactly one per turn. */
export const TurnEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('queued'), position: z.number() }),
  z.object({ type: z.literal('started'), epoch: z.number() }),
  z.object({ type: z.literal('status'), message: z.string() }),
  z.object({ type: z.literal('item_started'), item: TurnItem }),
  z.object({ type: z.literal('item_completed'), item: TurnItem }),
  z.object({ type: z.literal('delta'), itemId: z.string(), text: z.string() }),
  z.object({ type: z.literal('usage'), usage: TokenUsage }),
  z.object({ type: z.literal('steered'), steerId: z.string(), text: z.string() }),
  z.object({ type: z.literal('steer_refused'), steerId: z.string(), error: ErrorBody }),
  z.object({ type: z.literal('approval_requested'), approvalId: z.string(), subject: ApprovalSubject, deadlineMs: z.number() }),
  z.object({ type: z.literal('approval_answered'), approvalId: z.string(), answer: ApprovalAnswer }),
  z.object({ type: z.literal('completed'), output: z.record(z.string(), z.json()) }),
  z.object({ type: z.literal('failed'), error: ErrorBody }),
  z.object({ type: z.literal('interrupted'), error: ErrorBody }),
  z.object({ type: z.literal('cancelled'), error: ErrorBody }),
]);
export type TurnEvent = z.infer<typeof TurnEvent>;

export type TerminalEvent = Extract<TurnEvent, { type: 'completed' | 'failed' | 'interrupted' | 'cancelled' }>;

/** What can be asked of the worker that runs a turn. */
export const TurnCommand = z.discriminatedUnion('action', [
  z.object({ action: z.literal('cancel'), turnId: z.string() }),
  z.object({ action: z.literal('steer'), turnId: z.string(), steerId: z.string(), text: z.string() }),
  z.object({ action: z.literal('approval'), turnId: z.string(), approvalId: z.string() }),
  /** The turn only looks, and waits behind one of its agent: whoever is at work on that can answer it. */
  z.object({ action: z.literal('look'), turnId: z.string(), agentKey: z.string() }),
]);
export type TurnCommand = z.infer<typeof TurnCommand>;

/** An event as stored: `seq` counts up from 1 within a turn, so that a write sent twice is seen. */
export const LoggedEvent = z.object({ seq: z.number().int(), atMs: z.number(), event: TurnEvent });
export type LoggedEvent = z.infer<typeof LoggedEvent>;

export function isTerminalEvent(event: TurnEvent): event is TerminalEvent {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'interrupted' || event.type === 'cancelled';
}

/** A turn as a reader sees it. Times are epoch milliseconds. */
export const TurnRecord = z.object({
  request: TurnRequest,
  /** Its thread, decided when it was accepted. */
  threadId: z.string().optional(),
  status: TurnStatus,
  epoch: z.number(),
  attempts: z.number(),
  startedAtMs: z.number().optional(),
  finishedAtMs: z.number().optional(),
  /** It has ended and is in Codex's history of its thread. */
  begun: z.boolean(),
  /** The record that ended the turn. */
  terminal: LoggedEvent.optional(),
});
export type TurnRecord = z.infer<typeof TurnRecord>;
