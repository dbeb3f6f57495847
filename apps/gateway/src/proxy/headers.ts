import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Credential } from '../credentials/credential.js';

const HOP_BY_HOP = ['connection', 'expect', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/** Headers that choose an account or speak for one; an agent has no say in either. */
const IDENTITY = [
  'authorization',
  'api-key',
  'cookie',
  'host',
  'chatgpt-account-id',
  'openai-organization',
  'openai-project',
  'x-openai-account-routing-override',
  'x-openai-actor-authorization',
  'x-openai-fedramp',
];

/** A compressed answer could not be read for its tokens. */
const ENCODINGS = ['accept-encoding'];

const NOT_TO_UPSTREAM = new Set([...HOP_BY_HOP, ...IDENTITY, ...ENCODINGS]);
const NOT_TO_AGENT = new Set([...HOP_BY_HOP, 'set-cookie']);

type Headers = Record<string, string | string[] | undefined>;

function without(headers: IncomingHttpHeaders | Headers, dropped: ReadonlySet<string>): Record<string, string | string[]> {
  const named = String(headers['connection'] ?? '').toLowerCase().split(/\s*,\s*/);
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !dropped.has(name) && !named.includes(name)) kept[name] = value;
  }
  return kept;
}

/** The credential as the headers that Codex itself would send. */
function credentialHeaders(credential: Credential): Record<string, string> {
  if (credential.method === 'api_key') return { authorization: `Bearer ${credential.apiKey.reveal()}` };
  return {
    authorization: `Bearer ${credential.accessToken.reveal()}`,
    ...(credential.accountId !== undefined && { 'chatgpt-account-id': credential.accountId }),
    ...(credential.fedramp && { 'x-openai-fedramp': 'true' }),
  };
}

export const toUpstream = (headers: IncomingHttpHeaders, credential: Credential): Record<string, string | string[]> => ({
  ...without(headers, NOT_TO_UPSTREAM),
  ...credentialHeaders(credential),
});

export const toAgent = (headers: Headers): OutgoingHttpHeaders => without(headers, NOT_TO_AGENT);
