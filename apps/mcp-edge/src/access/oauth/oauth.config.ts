import { ConfigError } from '@codex-mcp/config';
import { isLoopback } from '../allowed-hosts.js';

/** Signatures that only an issuer can make: none with a secret that the server would share. */
export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

/** Whose access tokens count, and how they are read. */
export type OauthSettings = {
  /** As the claim `iss` has it. */
  readonly issuer: string;
  /** Origin under which clients reach this server. */
  readonly publicUrl: string;
  /** Values of the claim `aud`, one of which a token must have. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly string[];
  readonly tenantClaim: string;
};

export type OauthFields = {
  readonly MCP_OAUTH_ISSUER?: string | undefined;
  readonly MCP_OAUTH_AUDIENCES: readonly string[];
  readonly MCP_OAUTH_ALGORITHMS: readonly string[];
  readonly MCP_OAUTH_TENANT_CLAIM: string;
  readonly MCP_PUBLIC_URL?: string | undefined;
  readonly PORT: number;
};

/** Endpoints that are resources of their own, as RFC 8707 has clients name them. */
export const RESOURCE_PATHS = ['', '/mcp', '/sse'] as const;

/** Undefined without an issuer. Throws a ConfigError that names what to change. */
export function readOauth(fields: OauthFields): OauthSettings | undefined {
  const { MCP_OAUTH_ISSUER: issuer, MCP_OAUTH_AUDIENCES: given, MCP_OAUTH_ALGORITHMS: algorithms, MCP_OAUTH_TENANT_CLAIM: tenantClaim, PORT } = fields;
  if (issuer === undefined) return undefined;
  if (!isSafeUrl(issuer)) throw new ConfigError('MCP_OAUTH_ISSUER must be the https URL of the issuer, as its tokens have it in iss; http on loopback only.');
  const publicUrl = (fields.MCP_PUBLIC_URL ?? `http://localhost:${PORT}`).replace(/\/$/, '');
  if (URL.parse(publicUrl)?.origin !== publicUrl) throw new ConfigError('MCP_PUBLIC_URL must be the address under which clients reach this server, without a path, such as https://codex.example.org.');
  const unknown = algorithms.find((name) => !(ALGORITHMS as readonly string[]).includes(name));
  if (unknown !== undefined || algorithms.length === 0) throw new ConfigError(`MCP_OAUTH_ALGORITHMS are some of ${ALGORITHMS.join(', ')}.`);
  const audiences = given.length > 0 ? given : [...RESOURCE_PATHS.map((path) => `${publicUrl}${path}`), `${publicUrl}/`];
  return { issuer, publicUrl, audiences, algorithms, tenantClaim };
}

/** What is said there, nobody on the way can have changed. */
export function isSafeUrl(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
}
