import { type Approval, type ApprovalAnswer, type ApprovalDecision, ApprovalRecord, type ApprovalVia, AppError, type TurnRecord } from '@codex-mcp/contracts';
import { type AnswerOutcome, ApprovalStore } from '@codex-mcp/messaging';
import { AuditLog, type Logger } from '@codex-mcp/observability';
import type { ApprovalView, MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { Inject, Injectable } from '@nestjs/common';
import { LOGGER } from '../edge.tokens.js';
import type { Caller } from '../invocation/invocation.js';

const APPROVAL_ID = /^approval_[0-9a-f]{32}$/;

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

export type Verdict = { readonly decision: ApprovalDecision; readonly message?: string | undefined; readonly via: ApprovalVia };
type Outcome = OutputOf<(typeof MANAGEMENT_TOOLS)['answer_approval']>;
type Filter = { readonly agentId?: string | undefined; readonly turnId?: string | undefined };

/** What a tenant's running turns ask, and the one way in which answers reach them, wherever they come from. */
@Injectable()
export class ApprovalDesk {
  constructor(
    private readonly store: ApprovalStore,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Those that wait, the most urgent first. */
  async list(tenant: string, { agentId, turnId }: Filter = {}): Promise<ApprovalView[]> {
    const fits = ({ agent }: Approval) => agent.tenant === tenant && (agentId === undefined || agent.agentId === agentId);
    const open = turnId === undefined ? this.store.open() : this.store.openOf(turnId);
    return (await open).filter(({ approval }) => fits(approval)).map(approvalView);
  }

  /** What a turn waits for, if it does. */
  async pending({ request, status }: Pick<TurnRecord, 'request' | 'status'>): Promise<{ pending_approvals?: ApprovalView[] }> {
    const waiting = status === 'running' ? await this.list(request.agent.tenant, { turnId: request.turnId }) : [];
    return waiting.length === 0 ? {} : { pending_approvals: waiting };
  }

  /** The first answer counts. Throws `unknown_approval`, for a foreign one as for one that never was. */
  async answer({ tenant, principal, defaultAgentId, correlationId }: Caller, approvalId: string, { decision, message, via }: Verdict): Promise<Outcome> {
    const { approval } = await this.find(tenant, approvalId);
    const answer: ApprovalAnswer = { decision, via, by: defaultAgentId, correlationId, ...(message !== undefined && { message }), atMs: Date.now() };
    const standing = await this.store.answer(approval, answer);
    const { turnId, agent } = approval;
    this.logger.info({ op: 'approval.answer', approvalId, turnId, agent: agent.agentId, tenant, correlationId, decision, via, outcome: standing.outcome }, 'approval.answer');
    const detail = { approvalId, decision, via, by: defaultAgentId, standing: standing.outcome };
    this.audit.record({ action: 'approval.answered', outcome: standing.outcome === 'taken' ? 'ok' : 'failed', tenant, principal, agentId: agent.agentId, turnId, correlationId, detail });
    return { approval_id: approvalId, turn_id: turnId, answered: standing.outcome === 'taken', decision: standing.answer?.decision, via: standing.answer?.via, reason: whyNot(standing) };
  }

  private async find(tenant: string, approvalId: string): Promise<ApprovalRecord> {
    const record = APPROVAL_ID.test(approvalId) ? await this.store.load(approvalId) : undefined;
    if (record?.approval.agent.tenant === tenant) return record;
    throw new AppError('unknown_approval', 'You have no such approval. list_approvals shows those that wait for an answer.');
  }
}

function whyNot({ outcome, answer }: AnswerOutcome): string | undefined {
  switch (outcome) {
    case 'taken':
      return undefined;
    case 'answered':
      return answer?.via === 'deadline' ? 'Nobody had answered in time.' : `It was answered before (${answer?.via}).`;
    case 'expired':
      return 'Its time is over.';
    case 'turn_ended':
      return 'Its turn has ended.';
    case 'missing':
      return 'It is not there any more.';
  }
}

/** As everybody sees it who may answer it. */
export function approvalView({ approval, deadlineMs }: ApprovalRecord): ApprovalView {
  const { approvalId, turnId, agent, tool, subject, askedAtMs } = approval;
  return { approval_id: approvalId, turn_id: turnId, agent_id: agent.agentId, tool, ...subject, asked_at: iso(askedAtMs), expires_at: iso(deadlineMs) };
}
