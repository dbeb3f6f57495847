import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A request's body is kept in memory up to here, so that it can be sent again; a larger one goes through once. */
export const MAX_REPLAY_BYTES = 16 * 1024 * 1024;

/** The whole body; undefined when it is too large to keep, and still unread. Rejects when the agent leaves while it sends. */
export async function replayableBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const bytes = Number(request.headers['content-length'] ?? 0);
  return bytes > MAX_REPLAY_BYTES ? undefined : buffer(request);
}
