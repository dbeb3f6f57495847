import { AppError } from '@codex-mcp/contracts';
import type { TurnControl, TurnStore } from '@codex-mcp/messaging';

type Stop = { signal: AbortSignal; cancel(): void; end(): void };

/** Why a running turn must stop: its caller cancelled it, or its time is over. */
export class TurnCancellations {
  private readonly running = new Map<string, AbortController>();

  constructor(
    private readonly control: TurnControl,
    private readonly turns: TurnStore,
  ) {}

  async start(): Promise<void> {
    await this.control.listen((turnId) => this.cancel(turnId), () => void this.catchUp());
  }

  watch(turnId: string, timeoutMs: number): Stop {
    const controller = new AbortController();
    this.running.set(turnId, controller);
    const timer = setTimeout(() => controller.abort(new AppError('turn_timeout', `The turn took longer than ${timeoutMs / 1000} s and was stopped. Ask for less at a time, or raise TURN_TIMEOUT.`)), timeoutMs);
    return {
      signal: controller.signal,
      cancel: () => this.cancel(turnId),
      end: () => {
        clearTimeout(timer);
        this.running.delete(turnId);
      },
    };
  }

  private cancel(turnId: string): void {
    this.running.get(turnId)?.abort(new AppError('turn_cancelled', 'The turn was cancelled.'));
  }

  /** Announcements sent while Redis was away never came; the flags tell. */
  private async catchUp(): Promise<void> {
    for (const turnId of this.running.keys()) if (await this.turns.isCancelRequested(turnId)) this.cancel(turnId);
  }
}
