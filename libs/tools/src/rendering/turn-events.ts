import type { TurnEventView, TurnView } from '../outputs/turn-view.schema.js';
import { bullets, code, fenced, lines } from './markdown.js';

/** One line on a turn. */
export function turnLine(turn: TurnView): string {
  const end = turn.finished_at === undefined ? '' : `, ended ${turn.finished_at}`;
  const thread = turn.thread_id === undefined ? '' : `in ${code(turn.thread_id)}, `;
  const error = turn.error_code === undefined ? '' : ` (${turn.error_code})`;
  return `${code(turn.turn_id)} ${turn.tool} **${turn.status}**${error}, ${thread}accepted ${turn.accepted_at}${end}`;
}

/** What happened in a turn, as a list. */
export function eventsText(events: readonly TurnEventView[]): string {
  return bullets(events.map(eventText));
}

function eventText(event: TurnEventView): string {
  const state = event.exit_code === undefined ? event.status : `exit ${event.exit_code}`;
  const remarks = [state, event.partial === true ? 'not finished' : undefined].filter((remark) => remark !== undefined);
  const head = `${event.type}${remarks.length === 0 ? '' : ` (${remarks.join(', ')})`}: ${event.type === 'command' ? code(event.text) : event.text}`;
  return lines(head, event.output && fenced('', event.output));
}
