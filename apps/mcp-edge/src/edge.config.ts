import { readFileSync } from 'node:fs';
import { ConfigError, count, envelopeFields, flag, loadConfig, optionalSecret, optionalText, port, retentionFields, seconds, serviceFields, textWithDefault } from '@codex-mcp/config';
import { z } from 'zod';
import { type AccessTokens, parseAccessTokens } from './access/access-tokens.js';
import { isLoopback } from './access/allowed-hosts.js';
import { type OauthSettings, readOauth } from './access/oauth/oauth.config.js';
import { readWebhook, type Webhook } from './approvals/webhook/webhook.config.js';

const words = (fallback = '') => textWithDefault(fallback).transform((value) => value.split(',').map((word) => word.trim()).filter(Boolean));

const commaList = () => textWithDefault('').transform((value) => value.split(',').map((word) => word.trim().toLowerCase()).filter(Boolean));

export const EdgeEnvironment = z.object({
  ...serviceFields,
  ...retentionFields,
  ...envelopeFields,
  PORT: port(8210).describe('Port of the MCP endpoints, REST and the dashboards'),
  BIND: textWithDefault('127.0.0.1').describe('Address to listen on; beyond loopback only with MCP_AUTH_TOKENS_FILE or MCP_OAUTH_ISSUER'),
  BIND_PUBLISHED_ON_LOOPBACK: flag(false).describe('True where a container listens on all addresses and its port is published on the host’s loopback only'),
  MCP_PUBLIC_URL: optionalText().describe('Address under which clients reach this server, for OAuth; http://localhost with PORT where it is not set'),
  MCP_OAUTH_ISSUER: optionalText().describe('URL of the OAuth issuer whose access tokens (JWTs) clients may show'),
  MCP_OAUTH_AUDIENCES: words().describe('Values of aud, separated by ",", one of which such a token must have; MCP_PUBLIC_URL, with and without /mcp and /sse, where it is not set'),
  MCP_OAUTH_ALGORITHMS: words('RS256,PS256,ES256,EdDSA').describe('Algorithms that the issuer may sign with'),
  MCP_OAUTH_TENANT_CLAIM: textWithDefault('sub').describe('Claim of such a token that names the tenant; a hash of issuer and value is used'),
  MCP_AUTH_TOKENS_FILE: optionalText().describe('File of accepted bearer tokens, read again when it changes; `npm run auth -- token` makes their lines'),
  ALLOWED_HOSTS: commaList().describe('Host names, besides loopback, under which clients reach this server, separated by ","'),
  OPS_PASSWORD: optionalSecret().describe('Password of the dashboards at /ops; without it they are for loopback only'),
  APPROVAL_WEBHOOK_URL: optionalSecret().describe('URL that is told of each approval that a turn waits for, by a signed POST'),
  APPROVAL_WEBHOOK_SECRET_FILE: optionalText().describe('File with the secret that signs those requests'),
  MAX_QUEUED_TURNS: count(50).describe('Unfinished turns that an agent may have'),
  MAX_UNFINISHED_TURNS: count(1000, 0).describe('Unfinished turns that a tenant may have, of all its agents together; 0: any number'),
  MAX_REQUESTS_PER_MINUTE: count(60_000, 0).describe('Requests a minute that a tenant may send to all edges together, each message of a batch counted; without tokens all callers are one tenant; 0: any number'),
  MAX_OPEN_REQUESTS: count(10_000, 0).describe('Requests and streams that a tenant may have open at an edge; 0: any number'),
  PROGRESS_INTERVAL: seconds(15).describe('Longest silence in seconds towards a client that asked for progress'),
  HANDLE_AFTER: seconds(45).describe('Seconds after which an MCP call that asked for no progress is answered with a handle; its turn goes on'),
  SESSION_TIMEOUT: seconds(3600).describe('Seconds without activity after which an agent counts as inactive'),
  MAX_MCP_SESSIONS: count(10_000).describe('MCP sessions that an edge keeps in memory, and all edges in Redis; the longest unused one makes room'),
  MCP_SESSION_IDLE: seconds(24 * 3600).describe('Seconds after which an unused MCP session ends'),
  STALL_TIMEOUT: seconds(120).describe('Seconds after which a connection is dropped whose client takes nothing of what waits for it. What it takes shows only by the megabyte, so that a client slower than about 12 kB/s may seem to take nothing'),
  MCP_CONFORMANCE: flag(false).describe('Offers the fixtures of MCP’s conformance suite as well; for `npm run conformance` only'),
  SHUTDOWN_TIMEOUT: seconds(10).describe('Seconds that calls in flight get to finish at shutdown'),
});

export type EdgeConfig = z.output<typeof EdgeEnvironment> & {
  /** Undefined: everybody who reaches the port is the local tenant. */
  readonly accessTokens: AccessTokens | undefined;
  /** Undefined: no OAuth tokens are taken. */
  readonly oauth: OauthSettings | undefined;
  /** Where approvals are announced. */
  readonly approvalWebhook: Webhook | undefined;
  /** Only this machine can connect. */
  readonly isLocalOnly: boolean;
};

/** Throws a ConfigError that names what to change, also for an address that would be open to the network without tokens. */
export function readEdgeConfig(env: Record<string, string | undefined>): EdgeConfig {
  const fields = loadConfig(EdgeEnvironment, env);
  const isLocalOnly = isLoopback(fields.BIND) || fields.BIND_PUBLISHED_ON_LOOPBACK;
  const oauth = readOauth(fields);
  if (!isLocalOnly && fields.MCP_AUTH_TOKENS_FILE === undefined && !oauth) {
    throw new ConfigError(
      `BIND=${fields.BIND} would let everybody on the network run Codex with your account. Set MCP_AUTH_TOKENS_FILE to a file of tokens, ` +
        'MCP_OAUTH_ISSUER to an issuer of them, or BIND=127.0.0.1; in a container whose port is published on the host’s loopback only, set BIND_PUBLISHED_ON_LOOPBACK=true.',
    );
  }
  const approvalWebhook = readWebhook(fields.APPROVAL_WEBHOOK_URL, fields.APPROVAL_WEBHOOK_SECRET_FILE);
  const ALLOWED_HOSTS = [...fields.ALLOWED_HOSTS, ...(oauth ? [new URL(oauth.publicUrl).hostname] : [])];
  return { ...fields, ALLOWED_HOSTS, isLocalOnly, oauth, approvalWebhook, accessTokens: fields.MCP_AUTH_TOKENS_FILE === undefined ? undefined : readTokens(fields.MCP_AUTH_TOKENS_FILE) };
}

function readTokens(path: string): AccessTokens {
  try {
    const tokens = parseAccessTokens(readFileSync(path, 'utf8'));
    if (tokens.count === 0) throw new Error('holds no token, so nobody could connect; `npm run auth -- token` makes one');
    return tokens;
  } catch (error) {
    throw new ConfigError(`MCP_AUTH_TOKENS_FILE ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
