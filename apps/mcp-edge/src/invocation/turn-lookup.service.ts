import { AppError, type TurnRecord } from '@codex-mcp/contracts';
import { TurnStore } from '@codex-mcp/messaging';
import { Injectable } from '@nestjs/common';

const TURN_ID = /^turn_[0-9a-f]{32}$/;

/** A caller's own turns. */
@Injectable()
export class TurnLookup {
  constructor(private readonly turns: TurnStore) {}

  /** Throws `unknown_turn`, for a foreign turn as for one that never was. */
  async find(tenant: string, turnId: string): Promise<TurnRecord> {
    const turn = TURN_ID.test(turnId) ? await this.turns.load(turnId) : undefined;
    if (turn?.request.agent.tenant === tenant) return turn;
    throw new AppError('unknown_turn', 'You have no such turn. list_turns shows those of an agent; they are kept for some time after their end.');
  }
}
