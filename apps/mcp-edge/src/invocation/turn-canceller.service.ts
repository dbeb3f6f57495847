import { AppError, type TurnRequest } from '@codex-mcp/contracts';
import { TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { Injectable } from '@nestjs/common';

type CancelOutcome = Awaited<ReturnType<TurnStore['cancel']>>['outcome'];

/** Ends turns at a caller's wish. */
@Injectable()
export class TurnCanceller {
  constructor(
    private readonly turns: TurnStore,
    private readonly dispatcher: TurnDispatcher,
  ) {}

  /** `cancelled`: it had not begun and has ended now. `requested`: its worker was told. */
  async cancel(turn: Pick<TurnRequest, 'turnId' | 'agent'>): Promise<CancelOutcome> {
    const { outcome, next } = await this.turns.cancel(turn, { type: 'cancelled', error: new AppError('turn_cancelled', 'Cancelled by its caller.').toBody() });
    if (outcome === 'cancelled') await this.dispatcher.retire(turn.turnId);
    if (outcome === 'cancelled' && next !== undefined) await this.dispatcher.releaseHead(turn.agent.key);
    return outcome;
  }
}
