import { appendFileSync, readFileSync } from 'node:fs';
import { type AccessTokenEntry, digestOf, formatAccessToken, newToken, parseAccessToken } from '@codex-mcp/contracts';
import { ConfigError } from '@codex-mcp/config';

/** What a token is to be, as the command line says it. */
export type TokenWish = { readonly tenant: string; readonly scopes: string; readonly expires?: string | undefined; readonly name?: string | undefined };

/** By this, programs that look for leaked secrets know one. */
const PREFIX = 'codexmcp_';

const DAY_MS = 86_400_000;
const UNIT_MS: Record<string, number> = { h: DAY_MS / 24, d: DAY_MS, w: 7 * DAY_MS };

/** A new token for a client and its line for MCP_AUTH_TOKENS_FILE, which is all that is kept of it. Throws a ConfigError for what no line can say. */
export function makeToken({ tenant, scopes, expires, name }: TokenWish, nowMs: number): { token: string; line: string } {
  const token = `${PREFIX}${newToken()}`;
  const entry = { digest: digestOf(token), tenant, scopes: scopes.split(',').map((scope) => scope.trim()), expiresAtMs: expires === undefined ? undefined : expiryOf(expires, nowMs), name };
  const line = formatAccessToken(entry as AccessTokenEntry);
  if (!parseAccessToken(line)) {
    throw new ConfigError('A token has --tenant and --name of letters, digits, ".", "_", "-" (a name "@" as well), --scopes of read, run and admin separated by ",", and --expires such as 12h, 90d or 2027-01-31.');
  }
  return { token, line };
}

/** Adds the line in place, so that a file mounted into a container stays the same one; makes the file for its owner only. */
export function addLine(path: string, line: string): void {
  appendFileSync(path, `${endsOpen(path) ? '\n' : ''}${line}\n`, { mode: 0o600 });
}

function endsOpen(path: string): boolean {
  try {
    return /[^\n]$/.test(readFileSync(path, 'utf8'));
  } catch {
    return false;
  }
}

function expiryOf(text: string, nowMs: number): number {
  const [, count, unit = ''] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  const atMs = count === undefined ? Date.parse(text) : nowMs + Number(count) * (UNIT_MS[unit] ?? 0);
  if (!(atMs > nowMs)) throw new ConfigError(`--expires ${text} is no time to come, such as 12h, 90d or 2027-01-31.`);
  return atMs;
}
