import type { Response } from 'express';

const MAX_UNREAD_BYTES = 1024 * 1024;

/** Writes to a stream, or drops the connection of a reader that has left too much unread: what it missed is in a log, or is asked for again. False where it is gone. */
export function writeBounded(response: Response, ...pieces: (string | Buffer)[]): boolean {
  if (response.writableEnded || response.destroyed) return false;
  if (response.writableLength > MAX_UNREAD_BYTES) {
    response.destroy();
    return false;
  }
  response.cork();
  for (const piece of pieces) response.write(piece);
  response.uncork();
  return true;
}
