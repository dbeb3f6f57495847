import { eventually } from '@codex-mcp/testing';
import { echo, type PlayedTurn, type StandInWorker } from './stand-ins.fixture.js';

/** Turns that go on until they are released. */
export class HeldTurns {
  private readonly releases: (() => void)[] = [];
  readonly played: PlayedTurn[] = [];

  constructor(private readonly worker: StandInWorker) {
    worker.play = async (turn) => {
      this.played.push(turn);
      const cancelled = turn.cancelled.then(() => true);
      const released = new Promise<false>((resolve) => this.releases.push(() => resolve(false)));
      const wasCancelled = await Promise.race([cancelled, released]);
      return wasCancelled ? { type: 'cancelled', error: { code: 'turn_cancelled', message: 'Cancelled by its caller.', retryable: false } } : echo(turn);
    };
  }

  /** The turn that begins next, or the first one that has begun. */
  async first(): Promise<PlayedTurn> {
    await eventually(() => this.played.length > 0);
    const [turn] = this.played;
    if (!turn) throw new Error('no turn has begun');
    return turn;
  }

  /** Lets all end that have begun, and those that begin from now on. */
  release(): void {
    this.worker.play = echo;
    for (const release of this.releases) release();
  }
}
