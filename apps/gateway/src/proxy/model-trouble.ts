import type { ModelTrouble } from '@codex-mcp/contracts';
import { z } from 'zod';
import { retryAfterMs } from './retry-after.js';

/** An answer of the model's service that the agent has not seen: refused outright, or a stream that failed before it began. */
export type Refusal = { readonly status: number; readonly headers: Record<string, string | string[] | undefined>; readonly body: string };

/** Something that may pass by itself. `reason` is for the log and for whoever the retries fail. */
export type Trouble = { readonly kind: ModelTrouble; readonly reason: string; readonly retryAfterMs?: number | undefined };

const ModelError = z.looseObject({ type: z.string().nullish(), code: z.union([z.string(), z.number()]).nullish(), message: z.string().nullish() });
type ModelError = z.infer<typeof ModelError>;
const ErrorAnswer = z.object({ error: ModelError });
const FailedEvent = z.object({ response: ErrorAnswer });

/** What money or another plan mends, not time: `insufficient_quota`, `usage_limit_reached`, `usage_not_included`, `billing_hard_limit_reached`. */
const QUOTA = /quota|usage_limit|usage_not_included|billing|credits/;

/** Codes with which a stream fails when nothing is wrong with the request. */
const STREAM_CODES: Record<string, ModelTrouble> = { rate_limit_exceeded: 'rate_limited', slow_down: 'rate_limited', server_is_overloaded: 'overloaded' };
const ASKED_TO_WAIT = /try again in (\d+(?:\.\d+)?)\s*(ms|s)\b/i;

/** Whether an answer with this status may be held back, until its body tells what it is. */
export const isRefusal = (status: number): boolean => status === 429 || status >= 500;

/** Undefined where the same request would be refused again. */
export function refusalTrouble({ status, headers, body }: Refusal): Trouble | undefined {
  const error = ErrorAnswer.safeParse(parsed(body)).data?.error;
  if (status === 429 && QUOTA.test(`${error?.type} ${error?.code}`)) return undefined;
  const kind = status === 429 || error?.code === 'slow_down' ? 'rate_limited' : status === 503 || status === 529 ? 'overloaded' : 'failing';
  return { kind, reason: `HTTP ${status}${wordsOf(error)}`, retryAfterMs: retryAfterMs(headers['retry-after']) ?? waitInWords(error) };
}

/** The same for a stream whose first event of substance is `response.failed`, with the event's data. */
export function streamTrouble(data: string): Trouble | undefined {
  const error = FailedEvent.safeParse(parsed(data)).data?.response.error;
  const kind = STREAM_CODES[String(error?.code)];
  return kind && { kind, reason: `response.failed${wordsOf(error)}`, retryAfterMs: waitInWords(error) };
}

/** The service sends no header with a stream that fails; its message says how long to wait. */
function waitInWords(error: ModelError | undefined): number | undefined {
  const [, amount, unit] = ASKED_TO_WAIT.exec(error?.message ?? '') ?? [];
  return amount === undefined ? undefined : Number(amount) * (unit?.toLowerCase() === 'ms' ? 1 : 1000);
}

const wordsOf = (error: ModelError | undefined): string => (error?.message ? `: ${error.message.slice(0, 200)}` : '');

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
