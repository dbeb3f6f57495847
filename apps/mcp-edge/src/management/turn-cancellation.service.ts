import type { AgentIdentity } from '@codex-mcp/contracts';
import { TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import type { MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { within } from '../invocation/redis-outage.errors.js';
import { TurnCanceller } from '../invocation/turn-canceller.service.js';
import { TurnLookup } from '../invocation/turn-lookup.service.js';
import { TurnWatch } from '../invocation/turn-watch.js';

type Outcome = OutputOf<(typeof MANAGEMENT_TOOLS)['cancel']>;

/** A worker interrupts Codex and records what was done; that takes a moment. */
const CONFIRMATION_TIMEOUT_MS = 5000;

/** The tool `cancel`. */
@Injectable()
export class TurnCancellation {
  constructor(
    private readonly turns: TurnStore,
    private readonly lookup: TurnLookup,
    private readonly reader: TurnLogReader,
    private readonly canceller: TurnCanceller,
  ) {}

  /** Without a turn id: the turn that the agent runs, or is to run next. Throws `unknown_turn`, also for a foreign turn. */
  async cancel(agent: AgentIdentity, turnId: string | undefined): Promise<Outcome> {
    const target = turnId ?? (await this.turns.unfinished(agent.key))[0];
    if (target === undefined) return { cancelled: false, reason: `Agent "${agent.agentId}" runs no turn.` };
    const turn = await this.lookup.find(agent.tenant, target);
    switch (await this.canceller.cancel(turn.request)) {
      case 'cancelled':
        return { turn_id: target, cancelled: true };
      case 'requested':
        return { turn_id: target, ...(await this.confirmation(target)) };
      default:
        return { turn_id: target, cancelled: false, reason: `It had already ended (${(await this.turns.load(target))?.status ?? 'unknown'}).` };
    }
  }

  private async confirmation(turnId: string): Promise<Pick<Outcome, 'cancelled' | 'reason'>> {
    const watch = new TurnWatch(this.reader, turnId).start();
    try {
      const { type } = await within(CONFIRMATION_TIMEOUT_MS, watch.ended());
      return type === 'cancelled' ? { cancelled: true } : { cancelled: false, reason: `It ended before it could be cancelled (${type}).` };
    } catch {
      return { cancelled: false, reason: 'Its worker was told to cancel it and has not confirmed yet.' };
    } finally {
      watch.stop();
    }
  }
}
