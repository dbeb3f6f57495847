import type { ThreadView } from '../outputs/thread-view.schema.js';
import { bullets, code } from './markdown.js';

export function threadsText(threads: readonly ThreadView[]): string {
  return threads.length === 0 ? 'No threads.' : bullets(threads.map(threadLine));
}

function threadLine({ thread_id, title, current, turns, last_turn_at, forked_from }: ThreadView): string {
  const parts = [
    `${turns} ${turns === 1 ? 'turn' : 'turns'}`,
    last_turn_at && `the last at ${last_turn_at}`,
    forked_from && `forked from ${code(forked_from.thread_id)} after ${code(forked_from.turn_id)}`,
  ];
  const head = `${code(thread_id)}${current ? ' **current**' : ''}${title === undefined ? '' : ` ${title}`}`;
  return `${head}: ${parts.filter((part) => part !== undefined).join(', ')}`;
}
