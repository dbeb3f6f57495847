import { STATUS_CODES } from 'node:http';
import { AppError, toErrorBody } from '@codex-mcp/contracts';
import { HttpException } from '@nestjs/common';
import { z } from 'zod';
import { turnIdOf } from '../invocation/turn.errors.js';

/** A refusal that only exists in HTTP, beside the error table that all transports share. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly turnId?: string,
  ) {
    super(message);
  }
}

/** RFC 9457, with the members that this API adds. */
export const ProblemDocument = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('What happened and what to change'),
  code: z.string().describe('Stable; docs/troubleshooting.md explains those that all transports share'),
  retryable: z.boolean().describe('true: the same call may succeed later'),
  retry_after_s: z.int().optional().describe('Seconds to wait before that, where they are known; also in Retry-After'),
  correlation_id: z.string().describe('Names this request in the logs of all services'),
  turn_id: z.string().optional().describe('The turn that failed, where one was accepted: GET /jobs/<turn_id> has it'),
  material: z.string().optional().describe('Raw material of the error, such as an answer that did not validate'),
});
export type ProblemDocument = z.infer<typeof ProblemDocument>;

/** Everything thrown as a problem document. Only errors made for callers keep their text. */
export function problemOf(error: unknown, correlationId: string): ProblemDocument {
  const document = (status: number, code: string, detail: string, retryable = false): ProblemDocument => ({
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    code,
    retryable,
    correlation_id: correlationId,
  });
  if (error instanceof AppError) {
    const turnId = turnIdOf(error);
    return {
      ...document(error.httpStatus, error.code, error.message, error.retryable),
      ...(error.retryAfterS !== undefined && { retry_after_s: error.retryAfterS }),
      ...(turnId !== undefined && { turn_id: turnId }),
      ...(error.detail !== undefined && { material: error.detail }),
    };
  }
  if (error instanceof HttpProblem) return { ...document(error.status, error.code, error.message), ...(error.turnId !== undefined && { turn_id: error.turnId }) };
  const status = clientStatusOf(error);
  if (status !== undefined) return document(status, codeOfStatus(status), STATUS_CODES[status] ?? 'Error');
  const body = toErrorBody(error);
  return document(500, body.code, body.message, body.retryable);
}

const codeOfStatus = (status: number): string => (STATUS_CODES[status] ?? 'error').toLowerCase().replace(/[^a-z]+/g, '_');

/** The status of errors that Nest, Express and its body parser throw for a caller's mistake. */
function clientStatusOf(error: unknown): number | undefined {
  if (error instanceof URIError) return 400;
  const status = error instanceof HttpException ? error.getStatus() : error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
