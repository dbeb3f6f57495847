import { type Approval, ApprovalAnswer, type ApprovalDecision, ApprovalRecord } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { answerApproval, askApproval } from './approval.scripts.js';
import { ENVELOPE_LIFETIMES_MS, Envelopes } from './envelopes/envelopes.js';
import { keys } from './keys.js';
import { sealedCommand } from './turn-control.js';

/** How long an approval can be looked up after its deadline. */
const KEPT_MS = 3_600_000;

const Asked = z.tuple([z.enum(['open', 'answered', 'fenced']), z.number(), z.number(), z.string()]);
const Answered = z.tuple([z.enum(['taken', 'answered', 'expired', 'turn_ended', 'missing']), z.string()]);

/** `fenced`: the turn has ended or is another attempt's. */
/** `forged`: an answer stands that no edge has signed for this approval. */
export type ApprovalStanding = { outcome: 'fenced' } | { outcome: 'forged'; deadlineMs: number; flaw: string } | { outcome: 'open'; deadlineMs: number; leftMs: number } | { outcome: 'answered'; deadlineMs: number; answer: ApprovalAnswer };
/** `taken`: this answer counts. `answered`: an earlier one does. */
export type AnswerOutcome = { outcome: z.infer<typeof Answered>[0]; answer: ApprovalAnswer | undefined };

/** What running turns ask people, and the first answer to each; every change is one atomic script. Times are Redis's. */
export class ApprovalStore {
  constructor(
    private readonly redis: Redis,
    private readonly envelopes = Envelopes.none,
    private readonly onForged: (flaw: string, approvalId: string) => void = () => undefined,
  ) {}

  /** Opens an approval or finds it as it stands: harmless when repeated. After `timeoutMs` from the first time the answer is `fallback`. */
  async ask(approval: Approval, attempt: number, timeoutMs: number, fallback: ApprovalDecision): Promise<ApprovalStanding> {
    const { approvalId, turnId } = approval;
    const byDefault: ApprovalAnswer = { decision: fallback, via: 'deadline', atMs: Date.now() };
    const reply = await askApproval.run(
      this.redis,
      [keys.turn(turnId), keys.approval(approvalId), keys.openApprovals, keys.approvalsOf(turnId)],
      [approvalId, attempt, JSON.stringify(this.envelopes.seal('approval', approval, timeoutMs + ENVELOPE_LIFETIMES_MS.approval)), Math.max(0, Math.floor(timeoutMs)), KEPT_MS, JSON.stringify(byDefault)],
    );
    const [outcome, deadlineMs, leftMs, answer] = Asked.parse(reply);
    if (outcome === 'answered') return this.standingAnswer(approvalId, answer, deadlineMs, fallback);
    return outcome === 'open' ? { outcome, deadlineMs, leftMs } : { outcome };
  }

  /** Tells the turn's worker, where the answer counts. */
  async answer({ approvalId, turnId }: Approval, answer: ApprovalAnswer): Promise<AnswerOutcome> {
    const sealed = JSON.stringify(this.envelopes.seal(answerTo(approvalId), answer, ENVELOPE_LIFETIMES_MS.approval));
    const reply = await answerApproval.run(
      this.redis,
      [keys.approval(approvalId), keys.openApprovals, keys.turn(turnId), keys.approvalsOf(turnId)],
      [approvalId, sealed, keys.turnControl, sealedCommand(this.envelopes, { action: 'approval', turnId, approvalId })],
    );
    const [outcome, standing] = Answered.parse(reply);
    return { outcome, answer: standing === '' ? undefined : ApprovalAnswer.parse(JSON.parse(standing)) };
  }

  async load(approvalId: string): Promise<ApprovalRecord | undefined> {
    const { approval, deadlineMs, answer } = await this.redis.hgetall(keys.approval(approvalId));
    if (approval === undefined) return undefined;
    // One that another version has written is not known here; it must not hide the others.
    const record = ApprovalRecord.safeParse({ approval: JSON.parse(approval), deadlineMs: Number(deadlineMs), ...(answer !== undefined && { answer: JSON.parse(answer) }) }).data;
    const flaw = this.envelopes.flaw('approval', JSON.parse(approval), ['worker']) ?? (record && record.approval.approvalId !== approvalId ? 'another approval’s' : undefined);
    if (flaw === undefined) return record;
    this.onForged(flaw, approvalId);
    return undefined;
  }

  /** That nobody answered needs no signature, as it is never a yes. */
  private standingAnswer(approvalId: string, json: string, deadlineMs: number, fallback: ApprovalDecision): ApprovalStanding {
    const answer = ApprovalAnswer.parse(JSON.parse(json));
    const isDefault = answer.via === 'deadline' && (answer.decision === fallback || answer.decision === 'decline' || answer.decision === 'cancel');
    const flaw = isDefault ? undefined : this.envelopes.flaw(answerTo(approvalId), JSON.parse(json), ['mcp-edge']);
    return flaw === undefined ? { outcome: 'answered', deadlineMs, answer } : { outcome: 'forged', deadlineMs, flaw };
  }

  /** Those of all tenants that wait for an answer, the most urgent first. */
  open(): Promise<ApprovalRecord[]> {
    return this.waitingIn(keys.openApprovals);
  }

  /** Those of one turn. */
  async openOf(turnId: string): Promise<ApprovalRecord[]> {
    return (await this.waitingIn(keys.approvalsOf(turnId))).filter(({ approval }) => approval.turnId === turnId);
  }

  private async waitingIn(key: string): Promise<ApprovalRecord[]> {
    const ids = await this.redis.zrangebyscore(key, Date.now(), '+inf');
    const records = await Promise.all(ids.map((id) => this.waiting(id)));
    return records.filter((record) => record !== undefined);
  }

  /** One that waits for an answer; undefined also where its turn ended without one. */
  async waiting(approvalId: string): Promise<ApprovalRecord | undefined> {
    const record = await this.load(approvalId);
    if (!record || record.answer) return undefined;
    return (await this.redis.hget(keys.turn(record.approval.turnId), 'status')) === 'running' ? record : undefined;
  }
}

const answerTo = (approvalId: string): string => `answer to ${approvalId}`;
