import type { Request, Response } from 'express';
import type { OauthSettings } from './oauth/oauth.config.js';
import { metadataUrl } from './oauth/resource-metadata.js';
import { InsufficientScope } from './scopes.js';
import { Unauthenticated } from './unauthenticated.js';

/** What a client asks its user for at first. */
const USUAL_SCOPES = 'read run';

/** Tells a client what to come with, in the header that RFC 6750 and RFC 9728 have for it. Nothing for other errors. */
export function challenge({ path }: Request, response: Response, error: unknown, oauth: OauthSettings | undefined): void {
  const fields = fieldsOf(error, oauth !== undefined);
  if (!fields) return;
  const all = { realm: 'codex-mcp', ...fields, ...(oauth && { resource_metadata: metadataUrl(oauth, path) }) };
  response.setHeader('WWW-Authenticate', `Bearer ${Object.entries(all).map(([name, value]) => `${name}="${value}"`).join(', ')}`);
}

function fieldsOf(error: unknown, isOauth: boolean): Record<string, string> | undefined {
  if (error instanceof InsufficientScope) return { error: 'insufficient_scope', scope: error.wanted.join(' ') };
  if (!(error instanceof Unauthenticated)) return undefined;
  return { ...(error.reason !== undefined && { error: 'invalid_token', error_description: error.reason }), ...(isOauth && { scope: USUAL_SCOPES }) };
}
