import { AppError, type TurnJob, type TurnRequest, TURNS_QUEUE } from '@codex-mcp/contracts';
import { TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { InjectQueue } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import type { Queue } from 'bullmq';

type CancelOutcome = Awaited<ReturnType<TurnStore['cancel']>>['outcome'];

/** Ends turns at a caller's wish. */
@Injectable()
export class TurnCanceller {
  constructor(
    private readonly turns: TurnStore,
    private readonly dispatcher: TurnDispatcher,
    @InjectQueue(TURNS_QUEUE) private readonly queue: Queue<TurnJob>,
  ) {}

  /** `cancelled`: it had not begun and has ended now. `requested`: its worker was told. */
  async cancel(turn: Pick<TurnRequest, 'turnId' | 'agent'>): Promise<CancelOutcome> {
    const { outcome, next } = await this.turns.cancel(turn, { type: 'cancelled', error: new AppError('turn_cancelled', 'Cancelled by its caller.').toBody() });
    if (outcome === 'cancelled') await this.retireJob(turn.turnId);
    if (outcome === 'cancelled' && next !== undefined) await this.dispatcher.releaseHead(turn.agent.key);
    return outcome;
  }

  /** A parked job would wait for a promotion that never comes; a worker that gets it finds the turn ended. */
  private async retireJob(turnId: string): Promise<void> {
    const job = await this.queue.getJob(turnId);
    if (await job?.isDelayed()) await job?.promote().catch(() => undefined);
  }
}
