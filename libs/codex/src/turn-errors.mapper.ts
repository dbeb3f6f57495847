import { AppError, type ErrorCode } from '@codex-mcp/contracts';
import type { TurnError } from './protocol.js';

type Advice = { code: ErrorCode; advice: string };

const UNREACHABLE: Advice = { code: 'model_unreachable', advice: 'The model’s service could not be reached. Check the network of the gateway and OPENAI_BASE_URL, then call again.' };

const BY_CLASS: Record<string, Advice> = {
  unauthorized: { code: 'model_unauthorized', advice: 'OpenAI refused the credentials. Sign in again (`codex login`) or correct OPENAI_API_KEY.' },
  usageLimitExceeded: { code: 'quota_exceeded', advice: 'The account’s quota is used up. Wait for its reset, or sign in with another account or an API key.' },
  sessionBudgetExceeded: { code: 'quota_exceeded', advice: 'The budget of this conversation is used up.' },
  rateLimitExceeded: { code: 'rate_limited', advice: 'OpenAI limits the request rate of this account. Call again in a moment.' },
  serverOverloaded: { code: 'model_overloaded', advice: 'The model is overloaded. Call again in a moment, or choose another model.' },
  contextWindowExceeded: { code: 'context_window_exceeded', advice: 'The conversation no longer fits the model’s context window. Use another agent_id for a fresh conversation, or send less.' },
  modelNotFound: { code: 'model_not_found', advice: 'The account has no such model. Choose another `model`, or correct CODEX_MODEL.' },
  httpConnectionFailed: UNREACHABLE,
  responseStreamConnectionFailed: UNREACHABLE,
  responseStreamDisconnected: UNREACHABLE,
  responseTooManyFailedAttempts: UNREACHABLE,
};

/** What the gateway says in the body of a refused model request; see apps/gateway. */
const NOT_SIGNED_IN = 'codex_mcp_not_signed_in';

/** Codex's failure of a turn as an error of ours: a class, what to do, and Codex's own words. */
export function toAppError(error: TurnError | null | undefined): AppError {
  const words = error?.message ?? 'Codex gave no reason.';
  if (words.includes(NOT_SIGNED_IN)) return new AppError('not_signed_in', 'codex-mcp is not signed in to OpenAI. Run `codex login` on the server’s machine, or set OPENAI_API_KEY and restart.');
  const known = BY_CLASS[errorClass(error)];
  return known ? new AppError(known.code, `${known.advice} (${words})`) : new AppError('turn_failed', `Codex could not finish the turn: ${words}`);
}

function errorClass(error: TurnError | null | undefined): string {
  const info = error?.codexErrorInfo;
  if (typeof info === 'string') return info;
  return Object.keys(info ?? {})[0] ?? '';
}
