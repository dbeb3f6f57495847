import { type AgentIdentity, AppError, isTerminalEvent, newCorrelationId, type TurnEvent, type TurnRecord } from '@codex-mcp/contracts';
import { TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import type { MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { TurnLookup } from '../invocation/turn-lookup.service.js';
import { TurnError } from '../invocation/turn.errors.js';

const CONFIRMATION_TIMEOUT_MS = 10_000;

/** The tool `steer`. */
@Injectable()
export class TurnSteering {
  constructor(
    private readonly turns: TurnStore,
    private readonly lookup: TurnLookup,
    private readonly reader: TurnLogReader,
  ) {}

  /** Resolves when Codex has taken the message; rejects with `unknown_turn` or `turn_not_steerable`. */
  async steer(agent: AgentIdentity, message: string, turnId: string | undefined): Promise<OutputOf<(typeof MANAGEMENT_TOOLS)['steer']>> {
    const turn = await this.target(agent, turnId);
    const { turnId: id } = turn.request;
    if (turn.status !== 'running') throw notSteerable(id, turn.status === 'queued' ? 'it has not begun' : `it has ended (${turn.status})`);
    const steerId = newCorrelationId();
    const refusal = await this.outcome(id, steerId, () => this.turns.send({ action: 'steer', turnId: id, steerId, text: message }));
    if (refusal) throw new TurnError(id, refusal);
    return { turn_id: id, steered: true };
  }

  private async target(agent: AgentIdentity, turnId: string | undefined): Promise<TurnRecord> {
    const id = turnId ?? (await this.turns.unfinished(agent.key))[0];
    if (id !== undefined) return this.lookup.find(agent.tenant, id);
    throw new AppError('turn_not_steerable', `Agent "${agent.agentId}" runs no turn. Send the message as a call of its own, such as chat.`);
  }

  /** Sends, then waits for what the turn's log says of it; undefined when it was taken. */
  private async outcome(turnId: string, steerId: string, send: () => Promise<void>): Promise<AppError | undefined> {
    let settle: (refusal: AppError | undefined) => void = () => undefined;
    const settled = new Promise<AppError | undefined>((resolve) => (settle = resolve));
    const late = `its worker has not taken the message within ${CONFIRMATION_TIMEOUT_MS / 1000} s; get_turn shows it as "steered" should it still do so`;
    const timer = setTimeout(() => settle(notSteerable(turnId, late)), CONFIRMATION_TIMEOUT_MS);
    const leave = await this.reader.follow(turnId, ({ event }) => {
      const verdict = verdictOf(event, turnId, steerId);
      if (verdict) settle(verdict.refusal);
    });
    try {
      await send();
      return await settled;
    } finally {
      clearTimeout(timer);
      leave();
    }
  }
}

function verdictOf(event: TurnEvent, turnId: string, steerId: string): { refusal: AppError | undefined } | undefined {
  if (event.type === 'steered' && event.steerId === steerId) return { refusal: undefined };
  if (event.type === 'steer_refused' && event.steerId === steerId) return { refusal: AppError.from(event.error) };
  return isTerminalEvent(event) ? { refusal: notSteerable(turnId, `it has just ended (${event.type})`) } : undefined;
}

const notSteerable = (turnId: string, why: string): TurnError => new TurnError(turnId, new AppError('turn_not_steerable', `${turnId} takes no message: ${why}.`));
