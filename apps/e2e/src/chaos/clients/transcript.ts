import type { TurnEvent } from '@codex-mcp/contracts';
import type { LogEntry } from '@codex-mcp/messaging';
import type { TurnEventView } from '@codex-mcp/tools';
import type { Frame } from '../../handles/event-stream.js';
import { transcript } from '../../handles/handle-calls.js';

const ENDS: ReadonlySet<string> = new Set(['completed', 'failed', 'interrupted', 'cancelled']);

/** What a client was told of a turn, however often it had to begin a new connection. */
export interface Transcript {
  /** How it differs from what the log holds; undefined when it is the same, byte for byte. */
  differenceFrom(log: readonly LogEntry[]): string | undefined;
}

/** Of server-sent events. */
export class FrameTranscript implements Transcript {
  readonly frames: Frame[] = [];

  get hasEnded(): boolean {
    return ENDS.has(this.frames.at(-1)?.event ?? '');
  }

  differenceFrom(log: readonly LogEntry[]): string | undefined {
    const held = log.map(({ id, seq, atMs, event }) => ({ id, event: event.type, data: JSON.stringify({ seq, at_ms: atMs, event }) }));
    return difference(this.frames, held);
  }
}

/** Of pages of `get_turn`; `whole` is the turn read once more from its beginning, in one go. */
export class PageTranscript implements Transcript {
  readonly events: TurnEventView[] = [];
  whole: readonly TurnEventView[] = [];
  cursor: string | undefined;

  differenceFrom(log: readonly LogEntry[]): string | undefined {
    const finished = this.events.filter(({ partial }) => partial !== true);
    const held = log.filter(({ event }) => isTold(event)).map(({ seq, atMs, event }) => ({ seq, at: new Date(atMs).toISOString(), ...spoken(event) }));
    const told = finished.map(({ seq, at, type, text }) => ({ seq, at, ...(type === 'message' && { text }) }));
    if (transcript(this.events) !== transcript(this.whole)) return difference(finished, this.whole.filter(({ partial }) => partial !== true));
    return difference(told, held) ?? this.wordsTwice();
  }

  /** What was told of a message while it was spoken must be how it begins. */
  private wordsTwice(): string | undefined {
    let words = '';
    for (const { type, text, partial } of this.events) {
      if (type !== 'message') continue;
      if (partial === true) words += text;
      else if (text.startsWith(words)) words = '';
      else return `told "${words}" of "${text}"`;
    }
    return undefined;
  }
}

/** What a page of `get_turn` keeps of a log for good. */
const isTold = ({ type }: TurnEvent): boolean => ['queued', 'started', 'status', 'item_completed'].includes(type);

const spoken = (event: TurnEvent): { text?: string } => (event.type === 'item_completed' && event.item.type === 'message' ? { text: event.item.text } : {});

function difference(told: readonly unknown[], held: readonly unknown[]): string | undefined {
  const [ours, theirs] = [told, held].map((list) => list.map((one) => JSON.stringify(one)));
  const at = Array.from({ length: Math.max(told.length, held.length) }).findIndex((_, index) => ours?.[index] !== theirs?.[index]);
  return at < 0 ? undefined : `told ${told.length} events of ${held.length}; number ${at + 1} was ${ours?.[at]}, not ${theirs?.[at]}`;
}
