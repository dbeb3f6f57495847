import { type Clock, systemClock } from './clock.js';

const MAX_PER_SECOND = 5;
/** Leaves one message a second to what is urgent. */
const GAP_MS = 250;

/**
 * Passes messages on at most five times in any second. Of messages that come faster the newest survives
 * and is sent as soon as it may be; after `silenceMs` without any, `describeSilence` is sent.
 */
export class ProgressPacer {
  private readonly sentAt: number[] = [];
  private pending: string | undefined;
  private cancelFlush: (() => void) | undefined;
  private cancelSilence: () => void;

  constructor(
    private readonly send: (message: string) => void,
    private readonly describeSilence: () => string,
    private readonly silenceMs: number,
    private readonly clock: Clock = systemClock,
  ) {
    this.cancelSilence = clock.after(silenceMs, () => this.breakSilence());
  }

  /** An urgent message skips the gap between messages, never the limit per second. */
  update(message: string, urgent = false): void {
    this.pending = message;
    this.flushWhenDue(urgent);
  }

  close(): void {
    this.cancelFlush?.();
    this.cancelSilence();
    this.pending = undefined;
  }

  private flushWhenDue(urgent = false): void {
    const delayMs = this.delayMs(urgent);
    if (delayMs > 0) {
      this.cancelFlush ??= this.clock.after(delayMs, () => this.flush());
      return;
    }
    this.emit();
  }

  private flush(): void {
    this.cancelFlush = undefined;
    this.flushWhenDue(); // a timer may fire a little early
  }

  private emit(): void {
    this.cancelFlush?.();
    this.cancelFlush = undefined;
    if (this.pending === undefined) return;
    const message = this.pending;
    this.pending = undefined;
    this.sentAt.push(this.clock.now());
    if (this.sentAt.length > MAX_PER_SECOND) this.sentAt.shift();
    this.cancelSilence();
    this.cancelSilence = this.clock.after(this.silenceMs, () => this.breakSilence());
    this.send(message);
  }

  private breakSilence(): void {
    this.pending ??= this.describeSilence();
    this.flushWhenDue();
  }

  private delayMs(urgent: boolean): number {
    const now = this.clock.now();
    const last = this.sentAt.at(-1);
    const untilGap = urgent || last === undefined ? 0 : last + GAP_MS - now;
    const oldest = this.sentAt.length < MAX_PER_SECOND ? undefined : this.sentAt[0];
    const untilQuota = oldest === undefined ? 0 : oldest + 1000 - now;
    return Math.max(untilGap, untilQuota);
  }
}
