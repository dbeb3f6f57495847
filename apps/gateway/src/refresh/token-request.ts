import type { AuthJson } from '@codex-mcp/credentials';
import { EnvHttpProxyAgent, request } from 'undici';
import { z } from 'zod';
import type { RefreshRequest } from './refresh.contract.js';

const TIMEOUT_MS = 30_000;
const ISSUER = 'https://auth.openai.com';
/** The OAuth client of Codex 0.169: the only one that these refresh tokens are good for. */
const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';

const NewTokens = z.object({ access_token: z.string().min(1), refresh_token: z.string().min(1).optional(), id_token: z.string().min(1).optional() });
export type NewTokens = z.infer<typeof NewTokens>;

const Refusal = z.object({ error: z.union([z.string(), z.object({ code: z.string().nullish(), type: z.string().nullish() })]) });

/** Words of a refusal that no repetition changes; OpenAI says refresh_token_*, OAuth 2 invalid_grant. */
const FINAL = /^(?:invalid_grant|refresh_token_(?:expired|reused|invalidated|revoked))$/;

export type TokenAnswer = { tokens: NewTokens } | { refused: string } | { failed: string };

type Tokens = NonNullable<AuthJson['tokens']>;

/** Asks for new tokens, once. Never throws; no text of the answer is passed on but its error code. */
export async function requestTokens(tokens: Tokens, options: Pick<RefreshRequest, 'tokenUrl' | 'httpsProxy' | 'noProxy'>): Promise<TokenAnswer> {
  const url = options.tokenUrl ?? `${(tokens.oauth_provenance?.issuer ?? ISSUER).replace(/\/+$/, '')}/oauth/token`;
  const body = { client_id: tokens.oauth_provenance?.client_id ?? CLIENT_ID, grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
  const dispatcher = new EnvHttpProxyAgent({ httpProxy: '', httpsProxy: options.httpsProxy ?? '', noProxy: options.noProxy ?? '' });
  try {
    const answer = await request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS), dispatcher });
    return read(answer.statusCode, await answer.body.text(), new URL(url).host);
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    return { failed: `${new URL(url).host} cannot be reached (${code ?? name})` };
  } finally {
    await dispatcher.destroy();
  }
}

function read(status: number, text: string, host: string): TokenAnswer {
  const body = parseJson(text);
  if (status === 200) {
    const tokens = NewTokens.safeParse(body).data;
    return tokens ? { tokens } : { failed: `${host} answered without tokens` };
  }
  const error = Refusal.safeParse(body).data?.error;
  const code = typeof error === 'string' ? error : (error?.code ?? error?.type);
  if (status === 401 || (status < 500 && FINAL.test(code ?? ''))) return { refused: code ?? String(status) };
  return { failed: `${host} answered ${status}${code ? ` (${code})` : ''}` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
