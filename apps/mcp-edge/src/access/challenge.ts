import type { Response } from 'express';
import { Unauthenticated } from './authenticator.service.js';
import { InsufficientScope } from './scopes.js';

/** Tells a client what to come with, in the header that RFC 6750 has for it. Nothing for other errors. */
export function challenge(response: Response, error: unknown): void {
  const fields = fieldsOf(error);
  if (fields) response.setHeader('WWW-Authenticate', `Bearer ${Object.entries({ realm: 'codex-mcp', ...fields }).map(([name, value]) => `${name}="${value}"`).join(', ')}`);
}

function fieldsOf(error: unknown): Record<string, string> | undefined {
  if (error instanceof InsufficientScope) return { error: 'insufficient_scope', scope: error.scope };
  if (!(error instanceof Unauthenticated)) return undefined;
  return error.reason === undefined ? {} : { error: 'invalid_token', error_description: error.reason };
}
