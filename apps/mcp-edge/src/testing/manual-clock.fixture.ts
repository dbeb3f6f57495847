import type { Clock } from '../invocation/clock.js';

/** Time that passes when a test says so. */
export class ManualClock implements Clock {
  private timeMs = 0;
  private timers: { atMs: number; run: () => void }[] = [];

  now(): number {
    return this.timeMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.timeMs + delayMs, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  advance(byMs: number): void {
    const untilMs = this.timeMs + byMs;
    for (let next = this.due(untilMs); next; next = this.due(untilMs)) {
      const { atMs, run } = next;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.timeMs = Math.max(this.timeMs, atMs);
      run();
    }
    this.timeMs = untilMs;
  }

  private due(untilMs: number) {
    return this.timers.filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)[0];
  }
}
