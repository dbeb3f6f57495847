import { z } from 'zod';

export type Fault = 'caller' | 'agent' | 'dependency' | 'internal';

type ErrorClass = { readonly fault: Fault; readonly httpStatus: number; readonly retryable: boolean };

const caller = (httpStatus: number): ErrorClass => ({ fault: 'caller', httpStatus, retryable: false });
const agent = (httpStatus: number, retryable = false): ErrorClass => ({ fault: 'agent', httpStatus, retryable });
const dependency = (httpStatus: number, retryable = true): ErrorClass => ({ fault: 'dependency', httpStatus, retryable });

/** Every error that leaves the system, with whose fault it is and what REST answers. */
export const ERROR_CLASSES = {
  invalid_arguments: caller(422),
  invalid_agent_id: caller(422),
  unknown_tool: caller(404),
  unknown_agent: caller(404),
  unknown_turn: caller(404),
  unknown_thread: caller(404),
  unknown_approval: caller(404),
  workspace_not_allowed: caller(422),
  apply_conflict: caller(409),
  input_too_large: caller(413),
  turn_not_steerable: { fault: 'caller', httpStatus: 409, retryable: true },
  idempotency_conflict: caller(409),
  queue_full: { fault: 'caller', httpStatus: 429, retryable: true },
  too_many_requests: { fault: 'caller', httpStatus: 429, retryable: true },
  budget_exceeded: caller(429),
  unauthenticated: caller(401),
  insufficient_scope: caller(403),
  not_authentic: caller(403),
  answer_invalid: agent(502),
  turn_failed: agent(502),
  context_window_exceeded: agent(422),
  turn_timeout: agent(504, true),
  workspace_full: agent(507),
  turn_interrupted: agent(409, true),
  turn_cancelled: agent(409),
  not_signed_in: dependency(503, false),
  model_unauthorized: dependency(502, false),
  quota_exceeded: dependency(429, false),
  rate_limited: dependency(429),
  model_overloaded: dependency(503),
  model_unreachable: dependency(502),
  model_failed: dependency(502),
  model_not_found: dependency(422, false),
  engine_unavailable: dependency(503),
  agent_start_failed: dependency(503),
  at_capacity: dependency(503),
  service_unavailable: dependency(503),
  internal: { fault: 'internal', httpStatus: 500, retryable: true },
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof ERROR_CLASSES;

const codes = Object.keys(ERROR_CLASSES) as [ErrorCode, ...ErrorCode[]];

/** How an error travels: in turn logs, job failures, REST bodies and MCP results. */
export const ErrorBody = z.object({
  code: z.enum(codes),
  message: z.string().describe('What happened and what to change'),
  retryable: z.boolean(),
  retry_after_s: z.int().optional().describe('Seconds to wait before trying again'),
  detail: z.string().optional().describe('Raw material, such as the text of an answer that did not validate'),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

/** An error meant for the caller. `message` is public: it says what to change and never carries a stack or a secret. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, message: string, options: { detail?: string; retryAfterS?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.retryAfterS = options.retryAfterS;
  }

  get retryable(): boolean {
    return ERROR_CLASSES[this.code].retryable;
  }

  get httpStatus(): number {
    return ERROR_CLASSES[this.code].httpStatus;
  }

  toBody(): ErrorBody {
    return { code: this.code, message: this.message, retryable: this.retryable, ...(this.retryAfterS !== undefined && { retry_after_s: this.retryAfterS }), ...(this.detail !== undefined && { detail: this.detail }) };
  }

  static from(body: ErrorBody): AppError {
    return new AppError(body.code, body.message, { ...(body.detail !== undefined && { detail: body.detail }), ...(body.retry_after_s !== undefined && { retryAfterS: body.retry_after_s }) });
  }
}

/** The public form of anything thrown: an AppError as it is, all else as `internal` without its text. */
export function toErrorBody(error: unknown): ErrorBody {
  if (error instanceof AppError) return error.toBody();
  return new AppError('internal', 'Something went wrong inside codex-mcp; its log has the details under this call’s correlation id.').toBody();
}
