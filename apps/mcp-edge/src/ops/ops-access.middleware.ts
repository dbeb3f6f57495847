import { createHash, timingSafeEqual } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { AppError } from '@codex-mcp/contracts';
import type { EdgeConfig } from '../edge.config.js';
import { HttpProblem } from '../http/http-problem.js';

/** The dashboard asks Google for fonts; nobody outside has to know that it is looked at. */
const CONTENT_SECURITY_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/** Asks for OPS_PASSWORD; where none is set, the dashboards are for this machine only. */
export function guardOps({ OPS_PASSWORD: password, isLocalOnly }: Pick<EdgeConfig, 'OPS_PASSWORD' | 'isLocalOnly'>) {
  const expected = password && digest(password.reveal());
  return (request: Request, response: Response, next: NextFunction): void => {
    response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    if (!expected) {
      if (isLocalOnly) return next();
      throw new HttpProblem(403, 'ops_closed', 'The dashboards are closed because this server can be reached from the network. Set OPS_PASSWORD to open them.');
    }
    if (timingSafeEqual(digest(givenPassword(request)), expected)) return next();
    response.setHeader('WWW-Authenticate', 'Basic realm="codex-mcp operations", charset="UTF-8"');
    throw new AppError('unauthenticated', 'The dashboards ask for OPS_PASSWORD, under any user name.');
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function givenPassword(request: Request): string {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  return encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8').replace(/^[^:]*:/, '');
}
