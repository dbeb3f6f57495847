import type { Request } from 'express';

export type RestResult = { structuredContent: object; content: { type: 'text'; text: string }[]; turn_id?: string };

/** Where a turn is found over HTTP. */
export const jobPath = (turnId: string): string => `/jobs/${turnId}`;

/** How a caller of a turn tool wants to be answered. */
export function answerFormOf(request: Request): 'result' | 'job' | 'stream' {
  if (request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream') return 'stream';
  return /(^|,)\s*respond-async\s*(;|,|$)/i.test(request.get('Prefer') ?? '') ? 'job' : 'result';
}
