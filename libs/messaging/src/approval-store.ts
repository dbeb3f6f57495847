import { type Approval, ApprovalAnswer, type ApprovalDecision, ApprovalRecord, type TurnCommand } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { answerApproval, askApproval } from './approval.scripts.js';
import { keys } from './keys.js';

/** How long an approval can be looked up after its deadline. */
const KEPT_MS = 3_600_000;

const Asked = z.tuple([z.enum(['open', 'answered', 'fenced']), z.number(), z.number(), z.string()]);
const Answered = z.tuple([z.enum(['taken', 'answered', 'expired', 'turn_ended', 'missing']), z.string()]);

/** `fenced`: the turn has ended or is another attempt's. */
export type ApprovalStanding = { outcome: 'fenced' } | { outcome: 'open'; deadlineMs: number; leftMs: number } | { outcome: 'answered'; deadlineMs: number; answer: ApprovalAnswer };
/** `taken`: this answer counts. `answered`: an earlier one does. */
export type AnswerOutcome = { outcome: z.infer<typeof Answered>[0]; answer: ApprovalAnswer | undefined };

/** What running turns ask people, and the first answer to each; every change is one atomic script. Times are Redis's. */
export class ApprovalStore {
  constructor(private readonly redis: Redis) {}

  /** Opens an approval or finds it as it stands: harmless when repeated. After `timeoutMs` from the first time the answer is `fallback`. */
  async ask(approval: Approval, attempt: number, timeoutMs: number, fallback: ApprovalDecision): Promise<ApprovalStanding> {
    const { approvalId, turnId } = approval;
    const byDefault: ApprovalAnswer = { decision: fallback, via: 'deadline', atMs: Date.now() };
    const reply = await askApproval.run(
      this.redis,
      [keys.turn(turnId), keys.approval(approvalId), keys.openApprovals],
      [approvalId, attempt, JSON.stringify(approval), Math.max(0, Math.floor(timeoutMs)), KEPT_MS, JSON.stringify(byDefault)],
    );
    const [outcome, deadlineMs, leftMs, answer] = Asked.parse(reply);
    if (outcome === 'answered') return { outcome, deadlineMs, answer: ApprovalAnswer.parse(JSON.parse(answer)) };
    return outcome === 'open' ? { outcome, deadlineMs, leftMs } : { outcome };
  }

  /** Tells the turn's worker, where the answer counts. */
  async answer({ approvalId, turnId }: Approval, answer: ApprovalAnswer): Promise<AnswerOutcome> {
    const command: TurnCommand = { action: 'approval', turnId, approvalId };
    const reply = await answerApproval.run(
      this.redis,
      [keys.approval(approvalId), keys.openApprovals, keys.turn(turnId)],
      [approvalId, JSON.stringify(answer), keys.turnControl, JSON.stringify(command)],
    );
    const [outcome, standing] = Answered.parse(reply);
    return { outcome, answer: standing === '' ? undefined : ApprovalAnswer.parse(JSON.parse(standing)) };
  }

  async load(approvalId: string): Promise<ApprovalRecord | undefined> {
    const { approval, deadlineMs, answer } = await this.redis.hgetall(keys.approval(approvalId));
    if (approval === undefined) return undefined;
    // One that another version has written is not known here; it must not hide the others.
    return ApprovalRecord.safeParse({ approval: JSON.parse(approval), deadlineMs: Number(deadlineMs), ...(answer !== undefined && { answer: JSON.parse(answer) }) }).data;
  }

  /** Those of all tenants that wait for an answer, the most urgent first. */
  async open(): Promise<ApprovalRecord[]> {
    const ids = await this.redis.zrangebyscore(keys.openApprovals, Date.now(), '+inf');
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
