import { AppError, type TurnCommand, type TurnEvent } from '@codex-mcp/contracts';

type Steer = (text: string) => Promise<void>;
type Open = { push: (event: TurnEvent) => void; steer: Steer | undefined; /** What was taken already: a signed message that is sent again counts once. */ taken: Set<string> };

/** Messages for turns that run in this worker. What became of one stands in the turn's log under its `steerId`. */
export class TurnSteering {
  private readonly running = new Map<string, Open>();

  /** Makes a turn known; `ready` is called with the way to its Codex once there is one. */
  open(turnId: string, push: (event: TurnEvent) => void): { ready: (steer: Steer) => void; close: () => void } {
    const turn: Open = { push, steer: undefined, taken: new Set() };
    this.running.set(turnId, turn);
    return { ready: (steer) => (turn.steer = steer), close: () => void (this.running.get(turnId) === turn && this.running.delete(turnId)) };
  }

  /** Nothing happens where the turn does not run here. */
  async handle({ turnId, steerId, text }: Extract<TurnCommand, { action: 'steer' }>): Promise<void> {
    const turn = this.running.get(turnId);
    if (!turn || turn.taken.has(steerId)) return;
    turn.taken.add(steerId);
    try {
      if (!turn.steer) throw new Error('not yet at work');
      await turn.steer(text);
      turn.push({ type: 'steered', steerId, text });
    } catch (error) {
      const refusal = new AppError('turn_not_steerable', 'The turn takes no message at the moment: its Codex has not begun, or has just ended. Send it again, or make it a call of its own.', { cause: error });
      turn.push({ type: 'steer_refused', steerId, error: refusal.toBody() });
    }
  }
}
