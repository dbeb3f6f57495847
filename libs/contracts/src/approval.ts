import { z } from 'zod';
import { AgentIdentity } from './agent.js';

/** `auto`: Codex never asks. `suggest`: it asks for what it holds to be dangerous or beyond its sandbox. `manual`: for every command and change. */
export const ApprovalMode = z.enum(['auto', 'suggest', 'manual']);
export type ApprovalMode = z.infer<typeof ApprovalMode>;

/** The one of two modes that asks more. */
export const stricterMode = (a: ApprovalMode, b: ApprovalMode): ApprovalMode => (ApprovalMode.options.indexOf(a) > ApprovalMode.options.indexOf(b) ? a : b);

/** `accept_for_session`: also what is asked again in the same conversation. `cancel`: no, and the turn ends with it. */
export const ApprovalDecision = z.enum(['accept', 'accept_for_session', 'decline', 'cancel']);
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;

const reason = z.string().optional();

/** What Codex wants to do. */
export const ApprovalSubject = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('command'), command: z.string(), cwd: z.string().optional(), reason }),
  z.object({ kind: z.literal('file_change'), files: z.array(z.object({ path: z.string(), kind: z.string(), diff: z.string().optional() })), reason }),
  z.object({ kind: z.literal('permissions'), permissions: z.record(z.string(), z.unknown()), cwd: z.string().optional(), reason }),
]);
export type ApprovalSubject = z.infer<typeof ApprovalSubject>;

/** A question of a running turn, whose Codex waits for its answer. */
export const Approval = z.object({
  approvalId: z.string(),
  turnId: z.string(),
  tool: z.string(),
  agent: AgentIdentity,
  subject: ApprovalSubject,
  askedAtMs: z.number(),
});
export type Approval = z.infer<typeof Approval>;

/** Where an answer came from: `mcp` and `rest` are calls, `elicitation` is the client of the turn's own call, `deadline` nobody. */
export const ApprovalVia = z.enum(['mcp', 'rest', 'elicitation', 'deadline']);
export type ApprovalVia = z.infer<typeof ApprovalVia>;

/** The one answer that counts. `by`: what the answering client calls itself; `correlationId`: its call, in the edge's log. */
export const ApprovalAnswer = z.object({
  decision: ApprovalDecision,
  via: ApprovalVia,
  by: z.string().optional(),
  correlationId: z.string().optional(),
  message: z.string().optional(),
  atMs: z.number(),
});
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>;

/** An approval as it stands; open without an answer. */
export const ApprovalRecord = z.object({ approval: Approval, deadlineMs: z.number(), answer: ApprovalAnswer.optional() });
export type ApprovalRecord = z.infer<typeof ApprovalRecord>;
