import { setTimeout as delay } from 'node:timers/promises';
import type { TerminalEvent, TurnEvent, TurnRequest } from '@codex-mcp/contracts';
import type { TurnStore } from '@codex-mcp/messaging';
import { ReplyError } from 'ioredis';

/** The first delta goes out at once; what can wait goes together with all that comes within this time. */
const WINDOW_MS = 20;

const RETRY_MS = 500;

/** Deltas follow each other, and the end of a turn follows right behind its last message and its count of tokens. */
const canWait = (event: TurnEvent): boolean =>
  event.type === 'delta' || event.type === 'usage' || (event.type === 'item_completed' && event.item.type === 'message');

/**
 * Writes one turn's log in order, numbering each event, with at most one write under way.
 * What Redis refuses is sent again until it is taken. When a newer attempt has taken the turn over, `onFenced` is called
 * and nothing more is written.
 */
export class TurnLogWriter {
  private waiting: TurnEvent[] = [];
  private writing: Promise<void> = Promise.resolve();
  private isWriting = false;
  private fenced = false;
  private timer: NodeJS.Timeout | undefined;
  private lastDeltaAt = 0;

  constructor(
    private readonly store: TurnStore,
    private readonly turn: TurnRequest,
    private readonly attempt: number,
    /** Number of the last event in the log. */
    private seq: number,
    private readonly onFenced: () => void,
  ) {}

  push(event: TurnEvent): void {
    const last = this.waiting.at(-1);
    if (event.type === 'delta' && last?.type === 'delta' && last.itemId === event.itemId) {
      this.waiting[this.waiting.length - 1] = { ...last, text: last.text + event.text };
    } else this.waiting.push(event);
    const waitMs = canWait(event) ? this.waitMs(event) : 0;
    if (waitMs <= 0) return this.flush();
    this.timer ??= setTimeout(() => this.flush(), waitMs);
  }

  /** Writes what is still waiting and the terminal record in one step. `begun`: Codex has the turn. `next`: the agent's next waiting turn. */
  async finish(event: TerminalEvent, begun: boolean): Promise<{ outcome: string; next: string | undefined }> {
    clearTimeout(this.timer);
    while (this.isWriting) await this.writing;
    clearTimeout(this.timer);
    return untilTaken(() => this.store.finish(this.turn, this.attempt, this.seq + 1, event, this.waiting, begun));
  }

  private waitMs(event: TurnEvent): number {
    return event.type === 'delta' ? this.lastDeltaAt + WINDOW_MS - performance.now() : WINDOW_MS;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.isWriting || this.waiting.length === 0) return;
    this.isWriting = true;
    this.writing = this.drain()
      .catch(() => this.fence()) // the connection was closed: this worker ends
      .finally(() => {
        this.isWriting = false;
        this.flush(); // what came after the last look
      });
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0 && !this.fenced) {
      const batch = this.waiting;
      this.waiting = [];
      if (batch.some(({ type }) => type === 'delta')) this.lastDeltaAt = performance.now();
      const first = this.seq + 1;
      this.seq += batch.length;
      if (await untilTaken(() => this.store.append(this.turn.turnId, this.attempt, first, batch))) continue;
      this.fence();
    }
    this.waiting = [];
  }

  private fence(): void {
    this.fenced = true;
    this.onFenced();
  }
}

/** Redis may refuse for a while: its memory or disk is full, or a replica takes over. Writing twice does no harm. */
export async function untilTaken<Result>(write: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof ReplyError)) throw error;
      await delay(RETRY_MS);
    }
  }
}
