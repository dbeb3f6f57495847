import type { TurnEvent } from '@codex-mcp/contracts';
import { type Clock, systemClock } from './clock.js';
import { ProgressNarrator, type ProgressNote } from './progress.narrator.js';
import { ProgressPacer } from './progress.pacer.js';

/** A turn's events as paced messages. */
export class TurnProgress {
  private readonly narrator = new ProgressNarrator();
  private readonly pacer: ProgressPacer;

  constructor(send: (message: string) => void, silenceMs: number, clock: Clock = systemClock) {
    const startedAt = clock.now();
    this.pacer = new ProgressPacer(send, () => this.narrator.silence(clock.now() - startedAt), silenceMs, clock);
  }

  observe(event: TurnEvent): void {
    this.tell(this.narrator.observe(event));
  }

  /** The turn has not begun. */
  get isWaiting(): boolean {
    return this.narrator.isWaiting;
  }

  /** Renews what is known of the place in the queue; it is told with the next sign of life. */
  queuedBehind(turns: number): void {
    this.narrator.queuedBehind(turns);
  }

  close(): void {
    this.pacer.close();
  }

  private tell(note: ProgressNote | undefined): void {
    if (note) this.pacer.update(note.message, note.urgent);
  }
}
