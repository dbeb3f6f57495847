import { EventEmitter, once } from 'node:events';
import type { ApprovalPolicy, AskedApproval } from '@codex-mcp/codex';
import { type Approval, type ApprovalAnswer, ApprovalMode, type ApprovalDecision, approvalIdOf, stricterMode, type TurnEvent, type TurnRequest } from '@codex-mcp/contracts';
import type { ApprovalStore } from '@codex-mcp/messaging';
import type { Auditor } from '@codex-mcp/observability';
import { z } from 'zod';
import { untilTaken } from './turn-log.writer.js';
import type { Stop } from './turn-stops.js';

/** How often an open approval is looked at beside the announcements of answers: what an outage swallowed, and its deadline. */
const LOOK_MS = 2000;
/** Of the turn's time: what is left when nobody answers is for its end. */
const MAX_SHARE = 0.8;

const POLICIES: Record<ApprovalMode, ApprovalPolicy> = { auto: 'never', suggest: 'on-request', manual: 'untrusted' };

const ModeArgument = z.object({ approval_mode: ApprovalMode.optional() });

export type ApprovalOptions = { mode: ApprovalMode; timeoutMs: number; fallback: ApprovalDecision };
type Turn = { request: TurnRequest; attempt: number; push: (event: TurnEvent) => void; stop: Stop };

/** `approve` never settles where the turn has ended or is another worker's: then nothing may be answered. */
export type OpenApprovals = { readonly policy: ApprovalPolicy; readonly approve: (asked: AskedApproval) => Promise<ApprovalDecision>; readonly close: () => void };

const never = <Result>(): Promise<Result> => new Promise(() => undefined);

/** Asks people what the Codex of a turn wants to know before it acts. Questions and answers are in Redis, so that any worker can go on with them. */
export class TurnApprovals {
  /** Of answers, by the id of their approval. */
  private readonly announcements = new EventEmitter().setMaxListeners(0);

  constructor(
    private readonly store: ApprovalStore,
    private readonly audit: Auditor,
    private readonly options: ApprovalOptions,
  ) {}

  /** A call may ask for more approvals than the server does, not for fewer. */
  open(request: TurnRequest, attempt: number, push: (event: TurnEvent) => void, stop: Stop): OpenApprovals {
    const mode = stricterMode(this.options.mode, ModeArgument.parse(request.arguments).approval_mode ?? 'auto');
    const closed = new AbortController();
    const approve = (asked: AskedApproval): Promise<ApprovalDecision> => (mode === 'auto' ? Promise.resolve('decline') : this.ask({ request, attempt, push, stop }, asked, closed.signal));
    return { policy: POLICIES[mode], approve, close: () => closed.abort() };
  }

  /** Call when an answer was announced. */
  handle({ approvalId }: { approvalId: string }): void {
    this.announcements.emit(approvalId);
  }

  private async ask(turn: Turn, { key, subject }: AskedApproval, closed: AbortSignal): Promise<ApprovalDecision> {
    const { turnId, tool, agent } = turn.request;
    const approval: Approval = { approvalId: approvalIdOf(turnId, key), turnId, tool, agent, subject, askedAtMs: Date.now() };
    const timeoutMs = Math.min(this.options.timeoutMs, turn.stop.leftMs() * MAX_SHARE);
    const answer = await this.answerOf(approval, turn, timeoutMs, closed);
    if (!answer) return never();
    if (answer.via === 'deadline') this.record('approval.answered', turn.request, approval, { decision: answer.decision, via: answer.via });
    turn.push({ type: 'approval_answered', approvalId: approval.approvalId, answer });
    return answer.decision;
  }

  /** Somebody who writes to Redis has answered. */
  private refused({ turnId, agent, correlationId }: TurnRequest, approvalId: string, flaw: string): ApprovalAnswer {
    this.audit.record({ action: 'envelope.refused', outcome: 'refused', tenant: agent.tenant, agentId: agent.agentId, turnId, correlationId, detail: { what: 'answer', approvalId, flaw } });
    return { decision: 'decline', via: 'deadline', message: 'The answer in Redis is nobody’s who may give it.', atMs: Date.now() };
  }

  private record(action: 'approval.asked' | 'approval.answered', { turnId, agent, correlationId }: TurnRequest, { approvalId, subject }: Approval, more: object = {}): void {
    this.audit.record({ action, outcome: 'ok', tenant: agent.tenant, agentId: agent.agentId, turnId, correlationId, detail: { approvalId, kind: subject.kind, ...more } });
  }

  /** Undefined where the turn is over, or no longer this worker's. */
  private async answerOf(approval: Approval, turn: Turn, timeoutMs: number, closed: AbortSignal): Promise<ApprovalAnswer | undefined> {
    const { approvalId, subject } = approval;
    for (let isTold = false; !closed.aborted; isTold = true) {
      const look = new AbortController();
      // Listens before it asks, so that no announcement is missed.
      const announced = once(this.announcements, approvalId, { signal: AbortSignal.any([closed, look.signal]) }).catch(() => undefined);
      const standing = await untilTaken(() => this.store.ask(approval, turn.attempt, timeoutMs, this.options.fallback));
      const isOver = standing.outcome === 'fenced' || closed.aborted;
      if (!isOver && !isTold) this.record('approval.asked', turn.request, approval);
      if (!isOver && !isTold) turn.push({ type: 'approval_requested', approvalId, subject, deadlineMs: standing.deadlineMs });
      if (standing.outcome !== 'open' || isOver) look.abort();
      if (isOver) return undefined;
      if (standing.outcome === 'answered') return standing.answer;
      if (standing.outcome === 'forged') return this.refused(turn.request, approvalId, standing.flaw);
      turn.stop.alive();
      const timer = setTimeout(() => look.abort(), Math.max(0, Math.min(LOOK_MS, standing.leftMs)));
      await announced;
      clearTimeout(timer);
    }
    return undefined;
  }
}
