import { AppError, isTerminalEvent, type TerminalEvent, type TurnEvent } from '@codex-mcp/contracts';
import { isAfter, type LogEntry, type TurnLogReader, type TurnStore } from '@codex-mcp/messaging';

/** One reader of a turn's log, from its beginning to its terminal event. */
export class TurnWatch {
  private cursor = '0-0';
  private leaving: Promise<void | (() => void)> = Promise.resolve();
  private resolve: (event: TerminalEvent) => void = () => undefined;
  private reject: (error: Error) => void = () => undefined;
  private readonly terminal = new Promise<TerminalEvent>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor(
    private readonly reader: TurnLogReader,
    private readonly turnId: string,
    private readonly onEvent: (event: TurnEvent) => void = () => undefined,
  ) {
    this.terminal.catch(() => undefined);
  }

  /** Begins to follow without waiting for it: the log is read from its beginning, so nothing can be missed. */
  start(): this {
    this.leaving = this.reader.follow(this.turnId, (entry) => this.onEntry(entry)).catch(() => undefined);
    return this;
  }

  stop(): void {
    void this.leaving.then((leave) => leave?.());
  }

  /** The terminal event; rejects when the watch was given up. */
  ended(): Promise<TerminalEvent> {
    return this.terminal;
  }

  giveUp(error: AppError): void {
    this.reject(error);
  }

  /** Looks into the log itself, for announcements that an outage swallowed, and whether the turn is still known. */
  async checkUp(turns: TurnStore): Promise<void> {
    const entries = await this.reader.read(this.turnId, this.cursor);
    entries.forEach((entry) => this.onEntry(entry));
    if (entries.length > 0) return;
    const turn = await turns.load(this.turnId);
    if (turn?.terminal && isTerminalEvent(turn.terminal.event)) return this.resolve(turn.terminal.event);
    if (!turn) this.giveUp(new AppError('turn_interrupted', `The record of ${this.turnId} is gone: Redis lost its data. Look at the workspace before you repeat the call.`));
  }

  private onEntry({ id, event }: LogEntry): void {
    if (!isAfter(id, this.cursor)) return;
    this.cursor = id;
    this.onEvent(event);
    if (isTerminalEvent(event)) this.resolve(event);
  }
}
