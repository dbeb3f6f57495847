import { AppError, type ErrorCode, GatewayError, type GatewayErrorCode } from '@codex-mcp/contracts';
import { z } from 'zod';
import type { TurnError } from './protocol.js';

const WithStatus = z.object({ httpStatusCode: z.number().nullish() });

type Advice = { code: ErrorCode; advice: string };

const UNREACHABLE: Advice = { code: 'model_unreachable', advice: 'The model’s service could not be reached. Check the network of the gateway and OPENAI_BASE_URL, then call again.' };
const FAILED: Advice = { code: 'model_failed', advice: 'The model’s service failed, also when it was asked again. Call again in a moment.' };
const UNAUTHORIZED: Advice = { code: 'model_unauthorized', advice: 'OpenAI refused the credentials. Sign in again (`npm run auth -- login`) or correct OPENAI_API_KEY.' };
const RATE_LIMITED: Advice = { code: 'rate_limited', advice: 'OpenAI limits the request rate of this account. Call again in a moment.' };
const OVERLOADED: Advice = { code: 'model_overloaded', advice: 'The model is overloaded. Call again in a moment, or choose another model.' };

const BY_CLASS: Record<string, Advice> = {
  unauthorized: UNAUTHORIZED,
  usageLimitExceeded: { code: 'quota_exceeded', advice: 'The account’s quota is used up. Wait for its reset, or sign in with another account or an API key.' },
  sessionBudgetExceeded: { code: 'quota_exceeded', advice: 'The budget of this conversation is used up.' },
  rateLimitExceeded: RATE_LIMITED,
  serverOverloaded: OVERLOADED,
  flexUnavailable: OVERLOADED,
  policyCapacityUnavailable: OVERLOADED,
  contextWindowExceeded: { code: 'context_window_exceeded', advice: 'The conversation no longer fits the model’s context window. Use another agent_id for a fresh conversation, or send less.' },
  modelNotFound: { code: 'model_not_found', advice: 'The account has no such model. Choose another `model`, or correct CODEX_MODEL.' },
  internalServerError: FAILED,
  httpConnectionFailed: UNREACHABLE,
  responseStreamConnectionFailed: UNREACHABLE,
  responseStreamDisconnected: UNREACHABLE,
  responseTooManyFailedAttempts: UNREACHABLE,
};

/** Codex gives up on a status after some tries and then tells only that; the status says more. */
const BY_STATUS: Record<number, Advice> = { 401: UNAUTHORIZED, 403: UNAUTHORIZED, 429: RATE_LIMITED, 500: FAILED, 503: OVERLOADED, 529: OVERLOADED };

/** Failures that Codex 0.169 has no class for. */
const BY_WORDS: readonly [RegExp, Advice][] = [
  [/^stream disconnected before completion: (error sending request|Transport error)/, UNREACHABLE],
  [/^stream disconnected before completion/, FAILED],
];

/** What the gateway answers itself: its own words say what to do. */
const BY_GATEWAY: Partial<Record<GatewayErrorCode, ErrorCode>> = {
  codex_mcp_not_signed_in: 'not_signed_in',
  codex_mcp_budget_spent: 'budget_exceeded',
  codex_mcp_request_too_large: 'input_too_large',
  codex_mcp_upstream_unreachable: 'model_unreachable',
  codex_mcp_upstream_timeout: 'model_unreachable',
  codex_mcp_upstream_failed: 'model_failed',
};

/** Codex's failure of a turn as an error of ours: a class, what to do, and Codex's own words. */
export function toAppError(error: TurnError | null | undefined): AppError {
  const words = error?.message ?? 'Codex gave no reason.';
  const known = BY_STATUS[httpStatus(error)] ?? BY_CLASS[errorClass(error)] ?? BY_WORDS.find(([pattern]) => pattern.test(words))?.[1];
  return fromGateway(words) ?? (known ? new AppError(known.code, `${known.advice} (${words})`) : new AppError('turn_failed', `Codex could not finish the turn: ${words}`));
}

/** Codex hands on the body of an answer with status 400 as it is, in some places behind words of its own. */
function fromGateway(words: string): AppError | undefined {
  const parsed = GatewayError.safeParse(parsedJson(words.slice(words.indexOf('{'))));
  const code = parsed.success && BY_GATEWAY[parsed.data.error.code];
  return code ? new AppError(code, parsed.data.error.message) : undefined;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
