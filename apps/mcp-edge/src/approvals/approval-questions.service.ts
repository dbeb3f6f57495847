import type { TurnEvent } from '@codex-mcp/contracts';
import { ApprovalStore } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import { Inject, Injectable } from '@nestjs/common';
import { LOGGER } from '../edge.tokens.js';
import { InputRequired } from '../invocation/input-required.js';
import type { Ask, Caller, Invocation } from '../invocation/invocation.js';
import { ApprovalDesk } from './approval-desk.service.js';
import { decisionOf, questionOf } from './approval-question.js';

type Requested = Extract<TurnEvent, { type: 'approval_requested' }>;

/** `interrupted` rejects with InputRequired, where the client can be asked by an answer only. `withdraw` takes open questions back. */
export type CallQuestions = { observe(turnId: string, event: TurnEvent): void; readonly interrupted: Promise<never>; withdraw(): void };

/** Puts what the turn of a call asks to the person at the client that made the call. */
@Injectable()
export class ApprovalQuestions {
  constructor(
    private readonly desk: ApprovalDesk,
    private readonly store: ApprovalStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** `onUnasked`: called where something has to be answered that this client cannot be asked. */
  of({ ask, caller }: Pick<Invocation, 'ask' | 'caller'>, onUnasked: () => void): CallQuestions {
    const open = new Map<string, AbortController>();
    let interrupt: (reason: InputRequired) => void = () => undefined;
    const interrupted = new Promise<never>((_, reject) => (interrupt = reject));
    interrupted.catch(() => undefined);
    const put = async (turnId: string, event: Requested): Promise<void> => {
      const { approvalId } = event;
      if (open.has(approvalId)) return; // told twice
      const withdrawal = new AbortController();
      open.set(approvalId, withdrawal);
      try {
        if (!ask) throw new Error('this client cannot be asked');
        await this.put(ask, caller, turnId, event, withdrawal.signal);
      } catch (error) {
        if (error instanceof InputRequired) return interrupt(error);
        if (withdrawal.signal.aborted) return;
        if (ask) this.logger.debug({ op: 'approval.question', approvalId, turnId, err: error }, 'approval.question');
        onUnasked();
      }
    };
    return {
      observe: (turnId, event) => {
        if (event.type === 'approval_requested') void put(turnId, event);
        if (event.type === 'approval_answered') open.get(event.approvalId)?.abort();
      },
      interrupted,
      withdraw: () => open.forEach((withdrawal) => withdrawal.abort()),
    };
  }

  /** Resolves without an answer where nothing waits any more; rejects where this client brought none. */
  private async put(ask: Ask, caller: Caller, turnId: string, { approvalId, subject }: Requested, signal: AbortSignal): Promise<void> {
    if (!(await this.store.waiting(approvalId))) return; // a log is read from its beginning
    const answers = await ask({ [approvalId]: questionOf(subject) }, { turnId }, signal);
    const decision = decisionOf(answers[approvalId]);
    if (!decision) throw new Error('the question was put away');
    if (!signal.aborted) await this.desk.answer(caller, approvalId, { ...decision, via: 'elicitation' });
  }
}
