import type { TurnEvent, TurnItem } from '@codex-mcp/contracts';
import { approvalText } from '@codex-mcp/tools';

const MAX_CHARACTERS = 300;

export type ProgressNote = { readonly message: string; /** The first words of an answer, or a question. */ readonly urgent: boolean };

/** Tells the events of a turn in words, and remembers what is going on. */
export class ProgressNarrator {
  private state = 'waiting to be queued';
  private waiting = true;
  private saying: { itemId: string; text: string } | undefined;

  /** The note that an event deserves, if any. */
  observe(event: TurnEvent): ProgressNote | undefined {
    if (event.type === 'queued') return this.queuedBehind(event.position);
    if (event.type === 'delta') return this.said(event.itemId, event.text);
    const message = messageOf(event);
    if (message === undefined) return undefined;
    this.waiting = false;
    return this.note(message, event.type === 'approval_requested');
  }

  queuedBehind(turns: number): ProgressNote {
    return this.note(turns === 0 ? 'queued, next to run' : `queued behind ${turns} ${turns === 1 ? 'turn' : 'turns'} of this agent`);
  }

  get isWaiting(): boolean {
    return this.waiting;
  }

  /** What to say after a while without news. */
  silence(elapsedMs: number): string {
    return `still ${this.waiting ? 'waiting' : 'working'}, ${Math.round(elapsedMs / 1000)} s: ${this.state}`;
  }

  private said(itemId: string, text: string): ProgressNote {
    this.waiting = false;
    const isFirst = this.saying?.itemId !== itemId;
    this.saying = { itemId, text: (isFirst ? '' : (this.saying?.text ?? '')) + text };
    return this.note(speech(this.saying.text), isFirst);
  }

  private note(message: string, urgent = false): ProgressNote {
    this.state = message;
    return { message, urgent };
  }
}

function messageOf(event: TurnEvent): string | undefined {
  switch (event.type) {
    case 'started':
      return 'started';
    case 'status':
      return oneLine(event.message);
    case 'approval_requested':
      return `waiting for approval of: ${oneLine(approvalText(event.subject))} (answer with answer_approval, approval_id ${event.approvalId}, or it is not done)`;
    case 'approval_answered':
      return event.answer.via === 'deadline' ? 'nobody answered the approval in time' : `approval answered: ${event.answer.decision}`;
    case 'item_started':
      return beginning(event.item);
    case 'item_completed':
      return ending(event.item);
    default:
      return undefined;
  }
}

function beginning(item: TurnItem): string | undefined {
  switch (item.type) {
    case 'command':
      return `running: ${oneLine(item.command)}`;
    case 'file_change':
      return `changing ${fileNames(item)}`;
    case 'reasoning':
      return 'thinking';
    case 'tool_call':
      return `calling ${oneLine(item.name)}`;
    case 'compaction':
      return 'compacting the conversation';
    case 'review':
      return 'reviewing';
    default:
      return undefined;
  }
}

function ending(item: TurnItem): string | undefined {
  switch (item.type) {
    case 'command':
      return `${item.exitCode === undefined || item.exitCode === 0 ? item.status : `exited with ${item.exitCode}`}: ${oneLine(item.command)}`;
    case 'file_change':
      return `${item.status === 'completed' ? 'changed' : `${item.status} to change`} ${fileNames(item)}`;
    case 'message':
      return speech(item.text);
    case 'plan':
      return `plan: ${oneLine(item.text)}`;
    default:
      return undefined;
  }
}

function fileNames({ files }: Extract<TurnItem, { type: 'file_change' }>): string {
  const shown = files.slice(0, 5).map((file) => file.path);
  return oneLine(files.length > shown.length ? `${shown.join(', ')} and ${files.length - shown.length} more` : shown.join(', '));
}

/** The end of what was said so far; a structured answer is not for reading while it is being written. */
function speech(text: string): string {
  if (text.trimStart().startsWith('{')) return `writing the answer, ${text.length} characters so far`;
  return text.length <= MAX_CHARACTERS ? text : `…${text.slice(-MAX_CHARACTERS)}`;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= MAX_CHARACTERS ? line : `${line.slice(0, MAX_CHARACTERS)}…`;
}
