import { type ApprovalAnswer, isTerminalEvent, type TurnEvent, type TurnItem } from '@codex-mcp/contracts';
import type { LogEntry } from '@codex-mcp/messaging';
import { approvalText, type TurnEventView } from '@codex-mcp/tools';

/** Of what a command printed, its end; the log itself has more of it. */
const MAX_OUTPUT_CHARACTERS = 2000;

type Told = Omit<TurnEventView, 'seq' | 'at'>;

/**
 * Events of a log for reading. What was finished later in the same entries stands there once, finished; what was not
 * is `partial`: a message as far as its deltas say, a command that runs.
 */
export function transcriptOf(entries: readonly LogEntry[]): TurnEventView[] {
  const finished = new Set(entries.flatMap(({ event }) => (event.type === 'item_completed' ? [event.item.id] : [])));
  const partial = new Map<string, TurnEventView>();
  return entries.flatMap((entry) => {
    const { event } = entry;
    if (event.type === 'delta') return finished.has(event.itemId) ? [] : spoken(entry, event, partial);
    if (event.type === 'item_started' && finished.has(event.item.id)) return [];
    const told = tell(event);
    return told ? [{ ...place(entry), ...told }] : [];
  });
}

/** Whether an event is worth waking a reader for at once. */
export const isNews = (event: TurnEvent): boolean => isTerminalEvent(event) || tell(event) !== undefined;

const place = ({ seq, atMs }: LogEntry) => ({ seq, at: new Date(atMs).toISOString() });

function spoken(entry: LogEntry, { itemId, text }: Extract<TurnEvent, { type: 'delta' }>, partial: Map<string, TurnEventView>): TurnEventView[] {
  const begun = partial.get(itemId);
  if (begun) {
    begun.text += text;
    return [];
  }
  const view: TurnEventView = { ...place(entry), type: 'message', text, partial: true };
  partial.set(itemId, view);
  return [view];
}

function tell(event: TurnEvent): Told | undefined {
  switch (event.type) {
    case 'queued':
      return { type: 'queued', text: event.position === 0 ? 'next to run' : `behind ${event.position} of the agent's turns` };
    case 'started':
      return { type: 'started', text: 'a worker has taken the turn' };
    case 'status':
      return { type: 'status', text: event.message };
    case 'steered':
      return { type: 'steered', text: event.text };
    case 'steer_refused':
      return { type: 'steer_refused', text: event.error.message };
    case 'approval_requested':
      return { type: 'approval_requested', approval_id: event.approvalId, text: `${approvalText(event.subject)} (until ${new Date(event.deadlineMs).toISOString()})` };
    case 'approval_answered':
      return { type: 'approval_answered', approval_id: event.approvalId, text: answerText(event.answer) };
    case 'item_completed':
      return itemOf(event.item);
    case 'item_started':
      return event.item.type === 'message' || event.item.type === 'reasoning' ? undefined : { ...itemOf(event.item), partial: true };
    default:
      return undefined;
  }
}

const answerText = ({ decision, via, by, message }: ApprovalAnswer): string => `${decision} (${via}${by === undefined ? '' : `, ${by}`})${message === undefined ? '' : `: ${message}`}`;

function itemOf(item: TurnItem): Told {
  switch (item.type) {
    case 'command':
      return {
        type: 'command',
        text: item.command,
        status: item.status,
        ...(item.exitCode !== undefined && { exit_code: item.exitCode }),
        ...(item.output !== undefined && item.output !== '' && { output: endOf(item.output) }),
      };
    case 'file_change':
      return { type: 'file_change', status: item.status, text: item.files.map(({ path, kind }) => `${kind} ${path}`).join(', ') };
    case 'tool_call':
      return { type: 'tool_call', status: item.status, text: item.name };
    case 'compaction':
      return { type: 'compaction', text: 'the conversation was compacted' };
    case 'other':
      return { type: 'other', text: item.name };
    default:
      return { type: item.type, text: item.text };
  }
}

const endOf = (output: string): string => (output.length <= MAX_OUTPUT_CHARACTERS ? output : `…${output.slice(-MAX_OUTPUT_CHARACTERS)}`);
