import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUTH_FILE_LOCK, type AuthJson, FileReplacement, forgetRefreshes, LockTimeoutError, parseAuthJson, refreshDirectory, tokenDigest, withFileLock } from '@codex-mcp/credentials';
import { z } from 'zod';
import type { RefreshOutcome, RefreshRequest } from './refresh.contract.js';
import { type NewTokens, requestTokens } from './token-request.js';

type Tokens = NonNullable<AuthJson['tokens']> & { refresh_token: string };
type Current = { text: string; tokens: Tokens };

const Refused = z.object({ reason: z.string() });

/**
 * Renews the tokens of an auth.json, if nobody else has done so before this process got the lock. The new refresh
 * token is complete on disk before it takes the place of the used one; what a crash left there is put in place first.
 * The one gap: a process that is killed between the issuer's use of the old token and that write.
 */
export async function refreshAuthFile(request: RefreshRequest): Promise<RefreshOutcome> {
  try {
    return await withFileLock(refreshDirectory(request.file), AUTH_FILE_LOCK, ({ isHeld }) => refreshUnderLock(request, isHeld));
  } catch (error) {
    if (error instanceof LockTimeoutError) return { outcome: 'failed', reason: error.message };
    return { outcome: 'failed', reason: `${request.file} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})` };
  }
}

async function refreshUnderLock(request: RefreshRequest, isHeld: () => boolean): Promise<RefreshOutcome> {
  const { file } = request;
  const current = readCurrent(file);
  if (!current || tokenDigest(current.tokens.access_token) !== request.accessToken) return { outcome: 'renewed', by: 'another' };
  const used = tokenDigest(current.tokens.refresh_token);
  const [next, refused] = [join(refreshDirectory(file), `next-${used}.json`), join(refreshDirectory(file), `refused-${used}.json`)];
  forgetRefreshes(file, used);
  if (parseAuthJson(readText(next))?.tokens) {
    renameSync(next, file);
    return { outcome: 'renewed', by: 'recovery' };
  }
  if (existsSync(refused)) return { outcome: 'refused', reason: Refused.safeParse(parseJson(readText(refused))).data?.reason ?? 'refused before' };
  const replacement = new FileReplacement(file, next, Buffer.byteLength(current.text) * 2);
  if (!isHeld()) {
    replacement.discard();
    return { outcome: 'failed', reason: 'another process took the lock over' };
  }
  const answer = await requestTokens(current.tokens, request);
  if ('tokens' in answer) return put(answer.tokens, file, current, replacement);
  replacement.discard();
  if ('failed' in answer) return { outcome: 'failed', reason: answer.failed };
  writeFileSync(refused, JSON.stringify({ reason: answer.refused }), { mode: 0o600 });
  return { outcome: 'refused', reason: answer.refused };
}

function put(tokens: NewTokens, file: string, current: Current, replacement: FileReplacement): RefreshOutcome {
  replacement.write(merge(current.text, tokens));
  // Codex's own CLI takes no lock: what it signed in or out meanwhile stays.
  if (readCurrent(file)?.tokens.refresh_token !== current.tokens.refresh_token) {
    replacement.discard();
    forgetRefreshes(file);
    return { outcome: 'renewed', by: 'another' };
  }
  replacement.commit();
  return { outcome: 'renewed', by: 'refresh' };
}

/** The file as it was, with the new tokens; what else is in it belongs to Codex. */
function merge(text: string, tokens: NewTokens): string {
  const before = z.looseObject({ tokens: z.looseObject({}) }).parse(JSON.parse(text));
  return JSON.stringify({ ...before, tokens: { ...before.tokens, ...tokens }, last_refresh: new Date().toISOString() }, null, 2);
}

function readCurrent(file: string): Current | undefined {
  const text = readText(file);
  const tokens = parseAuthJson(text)?.tokens;
  return tokens?.refresh_token ? { text, tokens: { ...tokens, refresh_token: tokens.refresh_token } } : undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
