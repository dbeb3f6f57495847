import { z } from 'zod';
import { ApprovalMode } from './approval.js';
import { Effort } from './effort.js';

/** Where a forked thread's history comes from. */
export const ForkOrigin = z.object({
  threadId: z.string(),
  /** The last turn of the parent that the fork knows. */
  throughTurnId: z.string(),
  /** The thread of Codex that has that turn. */
  codexThreadId: z.string(),
});
export type ForkOrigin = z.infer<typeof ForkOrigin>;

/** What a conversation was begun with, for callers that name it no more: what its later turns are to have too. */
export const ThreadSettings = z.object({
  model: z.string().optional(),
  effort: Effort.optional(),
  approvalMode: ApprovalMode.optional(),
  /** Its turns leave the workspace as it is. */
  readOnly: z.boolean().optional(),
});
export type ThreadSettings = z.infer<typeof ThreadSettings>;

/** One conversation of an agent. Times are epoch milliseconds. */
export const ThreadRecord = z.object({
  threadId: z.string(),
  title: z.string().optional(),
  /** The beginning of the first message. */
  opening: z.string().optional(),
  createdAtMs: z.number(),
  /** When a turn was last accepted for it, or when it was made. */
  usedAtMs: z.number(),
  forkedFrom: ForkOrigin.optional(),
  settings: ThreadSettings.optional(),
  /** Codex's own id of it; absent until a turn of it has begun. */
  codexThreadId: z.string().optional(),
  /** Turns that Codex has worked on and that have ended. */
  turns: z.number().int(),
  lastTurn: z.object({ turnId: z.string(), endedAtMs: z.number() }).optional(),
});
export type ThreadRecord = z.infer<typeof ThreadRecord>;
