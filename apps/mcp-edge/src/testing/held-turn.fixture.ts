import { echo, type PlayedTurn, type StandInWorker } from './stand-ins.fixture.js';

/** Turns that go on until they are released or cancelled. */
export class HeldTurns {
  private readonly releases: (() => void)[] = [];
  private resolveFirst: (turn: PlayedTurn) => void = () => undefined;
  private readonly begun = new Promise<PlayedTurn>((resolve) => (this.resolveFirst = resolve));
  readonly played: PlayedTurn[] = [];

  constructor(private readonly worker: StandInWorker) {
    worker.play = async (turn) => {
      this.played.push(turn);
      this.resolveFirst(turn);
      const cancelled = turn.cancelled.then(() => true);
      const released = new Promise<false>((resolve) => this.releases.push(() => resolve(false)));
      const wasCancelled = await Promise.race([cancelled, released]);
      return wasCancelled ? { type: 'cancelled', error: { code: 'turn_cancelled', message: 'Cancelled by its caller.', retryable: false } } : echo(turn);
    };
  }

  /** The first turn that has begun or will. */
  first(): Promise<PlayedTurn> {
    return this.begun;
  }

  /** Lets all end that have begun; those that begin from now on end at once. */
  release(): void {
    this.worker.play = echo;
    for (const release of this.releases) release();
  }
}
