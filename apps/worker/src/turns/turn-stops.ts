import { AppError } from '@codex-mcp/contracts';
import type { TurnStore } from '@codex-mcp/messaging';
import { TakenOverError } from '../agents/taken-over.errors.js';

/** For how long a turn that ran out of time waits for Redis to say whose it is. */
const OWNERSHIP_TIMEOUT_MS = 2000;

export type Deadlines = { totalMs: number; idleMs: number };

/**
 * Why a turn must stop, as the reason of `signal`. `alive` puts the idle deadline off, by so much more as Codex is known to be silent.
 * `leftMs` is what is left of the turn's whole time; `fail` stops the turn with an error of its own.
 */
export type Stop = { signal: AbortSignal; alive(silentForMs?: number): void; leftMs(): number; fail(reason: AppError): void; cancel(): void; end(): void };

/** Stops running turns: their caller cancelled them, or their time is over. */
export class TurnStops {
  private readonly running = new Map<string, AbortController>();

  constructor(private readonly turns: TurnStore) {}

  /** `totalMs` is what is left of the turn's whole time. */
  watch(turnId: string, attempt: number, { totalMs, idleMs }: Deadlines): Stop {
    const controller = new AbortController();
    const endsAt = performance.now() + totalMs;
    const fail = (reason: AppError) => void this.isOurs(turnId, attempt).then((ours) => controller.abort(ours ? reason : new TakenOverError()));
    const stop = (message: string) => fail(new AppError('turn_timeout', message));
    this.running.set(turnId, controller);
    const total = setTimeout(() => stop('The turn ran out of its time and was stopped. Ask for less at a time, give a longer timeout_s, or raise TURN_TIMEOUT.'), Math.max(0, totalMs));
    const awaitLife = (timeoutMs: number) =>
      setTimeout(() => stop(`Codex gave no sign of life for ${Math.round(idleMs / 1000)} s, so the turn was stopped. Call again, or raise TURN_IDLE_TIMEOUT.`), timeoutMs);
    let idle = awaitLife(idleMs);
    let hasEnded = false;
    return {
      signal: controller.signal,
      alive: (silentForMs = 0) => {
        if (hasEnded) return;
        clearTimeout(idle);
        idle = awaitLife(idleMs + silentForMs);
      },
      leftMs: () => endsAt - performance.now(),
      fail,
      cancel: () => this.cancel(turnId),
      end: () => {
        hasEnded = true;
        clearTimeout(total);
        clearTimeout(idle);
        if (this.running.get(turnId) === controller) this.running.delete(turnId);
      },
    };
  }

  /** Nothing happens where the turn does not run here. */
  cancel(turnId: string): void {
    this.running.get(turnId)?.abort(new AppError('turn_cancelled', 'The turn was cancelled.'));
  }

  /** Announcements sent while Redis was away never came; the flags tell. */
  async catchUp(): Promise<void> {
    for (const turnId of this.running.keys()) if (await this.turns.isCancelRequested(turnId)) this.cancel(turnId);
  }

  /** A worker that was frozen finds the time of its turns over although another one runs them by now. */
  private async isOurs(turnId: string, attempt: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const unknown = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(true), OWNERSHIP_TIMEOUT_MS)));
    const known = this.turns.load(turnId).then((turn) => turn?.attempts === attempt, () => true);
    return Promise.race([known, unknown]).finally(() => clearTimeout(timer));
  }
}
