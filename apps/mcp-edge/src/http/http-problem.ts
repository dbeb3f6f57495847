import { STATUS_CODES } from 'node:http';
import { AppError, toErrorBody } from '@codex-mcp/contracts';
import { HttpException } from '@nestjs/common';
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
export type ProblemDocument = {
  type: 'about:blank';
  title: string;
  status: number;
  detail: string;
  code: string;
  retryable: boolean;
  correlation_id: string;
  /** The turn that failed, where one was accepted: GET /jobs/<turn_id> has it. */
  turn_id?: string;
  /** Raw material of the error, such as an answer that did not validate. */
  material?: string;
};

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
