import type { Response } from 'express';
import { checkUnread } from './stalled-connections.js';
import { bytesOf } from './whole-answer.js';

/** Of one connection. Whether it is read at all, and how much all hold together, is looked at for every connection (stalled-connections.ts). */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024;

const isOpen = (response: Response): boolean => !response.writableEnded && !response.destroyed && !response.req.socket.destroyed;

/** Writes to a stream, or drops the connection of a reader that has left too much unread: what it missed is in a log, or is asked for again. False where it is gone. */
export function writeBounded(response: Response, ...pieces: (string | Buffer)[]): boolean {
  if (!isOpen(response)) return false;
  if (response.writableLength > MAX_UNREAD_BYTES) {
    response.destroy();
    return false;
  }
  response.cork();
  for (const piece of pieces) response.write(bytesOf(piece));
  response.uncork();
  checkUnread(response);
  return isOpen(response);
}

/** A sign of life for a reader for whom nothing waits that would be one. */
export function keepStreamAlive(response: Response): void {
  if (isOpen(response) && response.writableLength === 0) response.write(': keep-alive\n\n');
}
