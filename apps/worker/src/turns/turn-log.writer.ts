import type { TerminalEvent, TurnEvent, TurnRequest } from '@codex-mcp/contracts';
import type { TurnStore } from '@codex-mcp/messaging';

/** The first delta goes out at once; those that follow within this time go together. */
const DELTA_WINDOW_MS = 20;

/**
 * Writes one turn's log in order, numbering each event, with at most one write under way.
 * When another worker has taken the turn over, `onFenced` is called and nothing more is written.
 */
export class TurnLogWriter {
  private waiting: TurnEvent[] = [];
  private writing: Promise<void> = Promise.resolve();
  private isWriting = false;
  private fenced = false;
  private deltaTimer: NodeJS.Timeout | undefined;
  private lastDeltaAt = 0;

  constructor(
    private readonly store: TurnStore,
    private readonly turn: TurnRequest,
    private readonly epoch: number,
    /** Number of the last event in the log. */
    private seq: number,
    private readonly onFenced: () => void,
  ) {}

  push(event: TurnEvent): void {
    const last = this.waiting.at(-1);
    if (event.type === 'delta' && last?.type === 'delta' && last.itemId === event.itemId) {
      this.waiting[this.waiting.length - 1] = { ...last, text: last.text + event.text };
    } else this.waiting.push(event);
    if (event.type !== 'delta') return this.flush();
    this.deltaTimer ??= setTimeout(() => this.flush(), Math.max(0, this.lastDeltaAt + DELTA_WINDOW_MS - performance.now()));
  }

  /** Writes what is still waiting, then the terminal record. `next`: the agent's next waiting turn. */
  async finish(event: TerminalEvent): Promise<{ outcome: string; next: string | undefined }> {
    this.flush();
    while (this.isWriting) await this.writing;
    clearTimeout(this.deltaTimer);
    return this.store.finish(this.turn, this.epoch, this.seq + 1, event);
  }

  private flush(): void {
    clearTimeout(this.deltaTimer);
    this.deltaTimer = undefined;
    if (this.isWriting || this.waiting.length === 0) return;
    this.isWriting = true;
    this.writing = this.drain().finally(() => (this.isWriting = false));
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0 && !this.fenced) {
      const batch = this.waiting;
      this.waiting = [];
      if (batch.some(({ type }) => type === 'delta')) this.lastDeltaAt = performance.now();
      const first = this.seq + 1;
      this.seq += batch.length;
      if (await this.store.append(this.turn.turnId, this.epoch, first, batch)) continue;
      this.fenced = true;
      this.onFenced();
    }
    this.waiting = [];
  }
}
