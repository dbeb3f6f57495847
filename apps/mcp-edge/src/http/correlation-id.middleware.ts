import { newCorrelationId } from '@codex-mcp/contracts';
import type { NextFunction, Request, Response } from 'express';

const HEADER = 'X-Correlation-Id';
const WELL_FORMED = /^[A-Za-z0-9._-]{8,64}$/;

/** Names each request by the caller's id if it is well-formed, else by a new one, and says so in the response. */
export function correlate(request: Request, response: Response, next: NextFunction): void {
  const given = request.get(HEADER);
  response.setHeader(HEADER, given !== undefined && WELL_FORMED.test(given) ? given : newCorrelationId());
  next();
}

export function correlationIdOf(response: Response): string {
  const id = response.getHeader(HEADER);
  return typeof id === 'string' ? id : newCorrelationId();
}
