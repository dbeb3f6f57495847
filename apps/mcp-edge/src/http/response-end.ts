import type { Response } from 'express';

/** Calls back when the answer is over or its client has gone: at once where that was before, of which no event tells any more. */
export function onClosed(response: Response, listener: () => void): void {
  if (response.destroyed) listener();
  else response.once('close', listener);
}
