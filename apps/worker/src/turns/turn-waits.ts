import { type AgentHalt, AppError, type ErrorCode, type ModelTrouble, type ModelWait, type TurnEvent } from '@codex-mcp/contracts';
import type { Stop } from './turn-stops.js';

type Waiting = { push: (event: TurnEvent) => void; stop: Stop };

const TROUBLES: Record<ModelTrouble, { code: ErrorCode; what: string }> = {
  rate_limited: { code: 'rate_limited', what: 'The model is rate-limited' },
  overloaded: { code: 'model_overloaded', what: 'The model is overloaded' },
  failing: { code: 'model_failed', what: 'The model’s service fails' },
  unreachable: { code: 'model_unreachable', what: 'The model’s service cannot be reached' },
};

/** Tells turns that run in this worker that the gateway waits for the model, and ends those that have no time for it, or whose agent is stopped. */
export class TurnWaits {
  /** By agent: each runs one turn at a time. */
  private readonly running = new Map<string, Waiting>();

  open(agentKey: string, push: (event: TurnEvent) => void, stop: Stop): { close: () => void } {
    const waiting: Waiting = { push, stop };
    this.running.set(agentKey, waiting);
    return { close: () => void (this.running.get(agentKey) === waiting && this.running.delete(agentKey)) };
  }

  /** Nothing happens where no turn of that agent runs here. */
  handle({ agentKey, trouble, retryInMs, attempt }: ModelWait): void {
    const turn = this.running.get(agentKey);
    if (!turn) return;
    const { code, what } = TROUBLES[trouble];
    if (retryInMs < turn.stop.leftMs()) {
      turn.push({ type: 'status', message: `${what}; trying again in ${seconds(retryInMs)} (try ${attempt})` });
      turn.stop.alive(retryInMs);
      return;
    }
    const when = new Date(Date.now() + retryInMs).toISOString().slice(0, 19);
    turn.stop.fail(new AppError(code, `${what}, for longer than this turn has time. Call again in ${seconds(retryInMs)}, after ${when}Z, or give a longer timeout_s.`));
  }

  /** Ends the turn of an agent that its supervisor stops. */
  halt({ agentKey, error }: AgentHalt): void {
    this.running.get(agentKey)?.stop.fail(AppError.from(error));
  }
}

const seconds = (durationMs: number): string => `${Math.max(1, Math.ceil(durationMs / 1000))} s`;
