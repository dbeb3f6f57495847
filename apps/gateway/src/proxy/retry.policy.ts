import type { Trouble } from './model-trouble.js';

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** Many agents that were refused together do not come back together. */
const SPREAD_MS = 1000;
/** Beyond any turn; timers take no more than 2^31 ms. */
const FOREVER_MS = 24 * 3600 * 1000;

/**
 * Milliseconds to wait before a request is sent again that was sent `attempt` times; undefined for no more.
 * Never sooner than `Retry-After` says, and each time later. Rate limits and overload pass by themselves, so only
 * the turn's time ends the patience with them; `maxRetries` is for what may be broken.
 */
export function retryWaitMs({ kind, retryAfterMs }: Trouble, attempt: number, maxRetries: number, random = Math.random): number | undefined {
  const passes = kind === 'rate_limited' || kind === 'overloaded';
  if (!passes && attempt > maxRetries) return undefined;
  const backoffMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  if (retryAfterMs === undefined) return Math.round(backoffMs * (0.5 + random() / 2));
  return Math.round(Math.min(FOREVER_MS, Math.max(retryAfterMs, backoffMs) + random() * Math.min(SPREAD_MS, retryAfterMs / 10)));
}
