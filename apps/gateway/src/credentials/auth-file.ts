import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileVersion, Secret } from '@codex-mcp/config';
import { type AuthJson, displayPath, parseAuthJson, readClaims, tokenDigest } from '@codex-mcp/credentials';
import type { Logger } from '@codex-mcp/observability';
import type { Finding } from './credential.js';

export type AuthFileContent = { chatgpt?: Finding; apiKey?: Finding; broken?: Finding };

function canBeReplaced(path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function findings(content: AuthJson, source: string, path: string): AuthFileContent {
  const { tokens, OPENAI_API_KEY: key, auth_mode: mode } = content;
  const found: AuthFileContent = {};
  if (tokens && mode !== 'apikey') {
    const { expiresAtMs, accountId, fedramp } = readClaims(tokens.access_token);
    const refresh = tokens.refresh_token && canBeReplaced(path) ? { refresh: { file: path, accessToken: tokenDigest(tokens.access_token) } } : {};
    found.chatgpt = { source, credential: { method: 'chatgpt', accessToken: new Secret(tokens.access_token), expiresAtMs, fedramp, accountId: tokens.account_id ?? accountId, ...refresh } };
  }
  if (key && mode !== 'chatgpt') found.apiKey = { source, credential: { method: 'api_key', apiKey: new Secret(key) } };
  return found;
}

/** The first auth.json that there is, read again whenever the file on disk is another one than before. */
export class AuthFile {
  private seen = '';
  private content: AuthFileContent = {};
  private warnedOfSharing = false;
  /** What is read is a sign-in of the user's Codex CLI. */
  isShared = false;

  constructor(
    private readonly paths: { readonly own: string; readonly shared: readonly string[] },
    private readonly home: string,
    private readonly logger: Logger,
    /** What to run when a sign-in is to be made anew. */
    private readonly login: string,
  ) {}

  /** Costs a stat for each place while nothing changes. */
  read(): AuthFileContent {
    for (const path of [this.paths.own, ...this.paths.shared]) {
      const version = fileVersion(path);
      if (version !== undefined) return this.readChanged(path, `${path} ${version}`);
    }
    this.seen = '';
    this.content = {};
    this.isShared = false;
    return this.content;
  }

  /** Where the sign-in of the user's Codex CLI would be, as a user would write it. */
  get expectedAt(): string {
    return displayPath(this.paths.shared[0] ?? this.paths.own, this.home);
  }

  private readChanged(path: string, version: string): AuthFileContent {
    if (version !== this.seen) {
      this.seen = version;
      this.warnIfOpen(path);
      this.content = this.parse(path);
      this.isShared = path !== this.paths.own && this.content.chatgpt !== undefined;
      if (this.isShared) this.warnOfSharing(path);
    }
    return this.content;
  }

  private parse(path: string): AuthFileContent {
    const source = displayPath(path, this.home);
    const unreadable = (reason: string): AuthFileContent => ({ broken: { source, problem: `${source} ${reason}. Run ${this.login} to sign in anew.` } });
    try {
      const text = readFileSync(path, 'utf8');
      const parsed = parseAuthJson(text);
      if (parsed) return findings(parsed, source, realpathSync(path));
      return unreadable(isJson(text) ? 'is not an auth.json of Codex' : 'is not valid JSON');
    } catch (error) {
      return unreadable(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
    }
  }

  private warnIfOpen(path: string): void {
    const { mode: bits } = statSync(path, { throwIfNoEntry: false }) ?? { mode: 0 };
    if (process.platform === 'win32' || (bits & 0o077) === 0) return;
    const mode = (bits & 0o777).toString(8).padStart(4, '0');
    this.logger.warn({ file: displayPath(path, this.home), mode }, 'auth.json can be read by other users of this host; run: chmod 600 on it');
  }

  private warnOfSharing(path: string): void {
    if (this.warnedOfSharing) return;
    this.warnedOfSharing = true;
    const file = displayPath(path, this.home);
    this.logger.warn({ file }, `the ChatGPT sign-in of ${file} is shared with your Codex CLI, and signing out there ends it here; ${this.login} makes one for codex-mcp alone`);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
