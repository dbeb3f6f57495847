import type { TurnRecord } from '@codex-mcp/contracts';
import { ApprovalStore } from '@codex-mcp/messaging';
import { Injectable } from '@nestjs/common';
import { asCaller } from '../access/principal.js';
import type { Question } from '../invocation/invocation.js';
import type { McpRequest } from '../mcp/mcp-request.js';
import type { TurnQuestions } from '../mcp/task-handlers.service.js';
import { ApprovalDesk } from './approval-desk.service.js';
import { decisionOf, questionOf } from './approval-question.js';

/** Approvals as what a task waits for: the keys are their ids. */
@Injectable()
export class ApprovalTaskQuestions implements TurnQuestions {
  constructor(
    private readonly store: ApprovalStore,
    private readonly desk: ApprovalDesk,
  ) {}

  async pending({ request }: TurnRecord): Promise<Record<string, Question>> {
    const open = (await this.store.open()).filter(({ approval }) => approval.turnId === request.turnId);
    return Object.fromEntries(open.map(({ approval }) => [approval.approvalId, questionOf(approval.subject)]));
  }

  /** What is no decision leaves the approval open, for other places to answer. */
  async answer(turn: TurnRecord, answers: Readonly<Record<string, unknown>>, request: McpRequest): Promise<void> {
    const waiting = await this.pending(turn);
    const caller = { ...asCaller(request.principal), defaultAgentId: await request.defaultAgentId(), correlationId: request.correlationId };
    for (const [approvalId, answer] of Object.entries(answers)) {
      const decision = decisionOf(answer);
      if (decision && approvalId in waiting) await this.desk.answer(caller, approvalId, { ...decision, via: 'elicitation' });
    }
  }
}
