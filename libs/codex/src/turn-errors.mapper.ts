import { AppError, type ErrorCode } from '@codex-mcp/contracts';
import { z } from 'zod';
import type { TurnError } from './protocol.js';

const WithStatus = z.object({ httpStatusCode: z.number().nullish() });

type Advice = { code: ErrorCode; advice: string };

const UNREACHABLE: Advice = { code: 'model_unreachable', advice: 'The model’s service could not be reached. Check the network of the gateway and OPENAI_BASE_URL, then call again.' };

const UNAUTHORIZED: Advice = { code: 'model_unauthorized', advice: 'OpenAI refused the credentials. Sign in again (`codex login`) or correct OPENAI_API_KEY.' };
const RATE_LIMITED: Advice = { code: 'rate_limited', advice: 'OpenAI limits the request rate of this account. Call again in a moment.' };
const OVERLOADED: Advice = { code: 'model_overloaded', advice: 'The model is overloaded. Call again in a moment, or choose another model.' };

const BY_CLASS: Record<string, Advice> = {
  unauthorized: UNAUTHORIZED,
  usageLimitExceeded: { code: 'quota_exceeded', advice: 'The account’s quota is used up. Wait for its reset, or sign in with another account or an API key.' },
  sessionBudgetExceeded: { code: 'quota_exceeded', advice: 'The budget of this conversation is used up.' },
  rateLimitExceeded: RATE_LIMITED,
  serverOverloaded: OVERLOADED,
  contextWindowExceeded: { code: 'context_window_exceeded', advice: 'The conversation no longer fits the model’s context window. Use another agent_id for a fresh conversation, or send less.' },
  modelNotFound: { code: 'model_not_found', advice: 'The account has no such model. Choose another `model`, or correct CODEX_MODEL.' },
  httpConnectionFailed: UNREACHABLE,
  responseStreamConnectionFailed: UNREACHABLE,
  responseStreamDisconnected: UNREACHABLE,
  responseTooManyFailedAttempts: UNREACHABLE,
};

/** Codex gives up on a status after some tries and then tells only that; the status says more. */
const BY_STATUS: Record<number, Advice> = { 401: UNAUTHORIZED, 403: UNAUTHORIZED, 429: RATE_LIMITED, 503: OVERLOADED };

/** What the gateway says in the body of a refused model request; see apps/gateway. */
const NOT_SIGNED_IN = 'codex_mcp_not_signed_in';

/** Codex's failure of a turn as an error of ours: a class, what to do, and Codex's own words. */
export function toAppError(error: TurnError | null | undefined): AppError {
  const words = error?.message ?? 'Codex gave no reason.';
  if (words.includes(NOT_SIGNED_IN)) return new AppError('not_signed_in', 'codex-mcp is not signed in to OpenAI. Run `codex login` on the server’s machine, or set OPENAI_API_KEY and restart.');
  const known = BY_STATUS[httpStatus(error)] ?? BY_CLASS[errorClass(error)];
  return known ? new AppError(known.code, `${known.advice} (${words})`) : new AppError('turn_failed', `Codex could not finish the turn: ${words}`);
}

function errorClass(error: TurnError | null | undefined): string {
  const info = error?.codexErrorInfo;
  if (typeof info === 'string') return info;
  return Object.keys(info ?? {})[0] ?? '';
}

function httpStatus(error: TurnError | null | undefined): number {
  const info = error?.codexErrorInfo;
  if (typeof info !== 'object' || info === null) return 0;
  const detail = WithStatus.safeParse(Object.values(info)[0]);
  return detail.success ? (detail.data.httpStatusCode ?? 0) : 0;
}
