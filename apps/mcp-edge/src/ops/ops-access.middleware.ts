import { createHash, timingSafeEqual } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import { allows, AppError } from '@codex-mcp/contracts';
import type { Authenticator } from '../access/authenticator.service.js';
import type { EdgeConfig } from '../edge.config.js';
import { HttpProblem } from '../http/http-problem.js';

/** The dashboard asks Google for fonts; nobody outside has to know that it is looked at. */
const CONTENT_SECURITY_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'";

/**
 * Asks for OPS_PASSWORD or, where clients have tokens, one with the scope admin: as a bearer, or as the password, which browsers ask for.
 * With neither, the dashboards are for this machine only. They show the jobs of all tenants.
 */
export function guardOps({ OPS_PASSWORD: password, isLocalOnly }: Pick<EdgeConfig, 'OPS_PASSWORD' | 'isLocalOnly'>, authenticator: Authenticator) {
  const expected = password && digest(password.reveal());
  const isAdmin = async (token: string): Promise<boolean> => {
    if (authenticator.isOpen) return false;
    return authenticator.identifyToken(token).then(({ scopes }) => allows(scopes, 'admin'), () => false);
  };
  const admit = async (request: Request, response: Response): Promise<void> => {
    if (!expected && authenticator.isOpen && isLocalOnly) return;
    const given = givenSecret(request);
    if (expected && timingSafeEqual(digest(given), expected)) return;
    if (await isAdmin(given)) return;
    if (!expected && (authenticator.isOpen || given !== '')) throw new HttpProblem(403, 'ops_closed', closedText(isLocalOnly));
    response.setHeader('WWW-Authenticate', 'Basic realm="codex-mcp operations", charset="UTF-8"');
    throw new AppError('unauthenticated', 'The dashboards ask for OPS_PASSWORD, or a token with the scope admin as the password, under any user name.');
  };
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    await admit(request, response);
    next();
  };
}

const closedText = (isLocalOnly: boolean): string =>
  `The dashboards are closed${isLocalOnly ? '' : ' because this server can be reached from the network'}. Set OPS_PASSWORD, or come with a token that has the scope admin, to open them.`;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The password, or the bearer token. */
function givenSecret(request: Request): string {
  const [, scheme = '', value = ''] = /^(Basic|Bearer) +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  return scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString('utf8').replace(/^[^:]*:/, '') : value;
}
