import { readFileSync, type Stats, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { Secret } from '@codex-mcp/config';
import type { Logger } from '@codex-mcp/observability';
import type { GatewayConfig } from '../gateway.config.js';
import { readClaims } from './access-token.js';
import type { Finding } from './credential.js';

/** What `codex login` writes; older versions write no `auth_mode`. */
const AuthJson = z.object({
  auth_mode: z.string().nullish(),
  OPENAI_API_KEY: z.string().min(1).nullish(),
  tokens: z.object({ access_token: z.string().min(1), account_id: z.string().min(1).nullish() }).nullish(),
});
type AuthJson = z.infer<typeof AuthJson>;

export type AuthFileContent = { chatgpt?: Finding; apiKey?: Finding; broken?: Finding };

type Paths = Pick<GatewayConfig, 'OAUTH_TOKEN_STORAGE_PATH' | 'CODEX_AUTH_DIR' | 'CODEX_HOME' | 'HOME' | 'USERPROFILE'>;

/** Where an auth.json may be, most specific first. */
export function authFilePaths(config: Paths): string[] {
  const expand = (path: string) => resolve(path.replace(/^~(?=\/|$)/, config.HOME));
  if (config.OAUTH_TOKEN_STORAGE_PATH !== undefined) return [expand(config.OAUTH_TOKEN_STORAGE_PATH)];
  const directory = config.CODEX_AUTH_DIR ?? config.CODEX_HOME;
  if (directory !== undefined) return [join(expand(directory), 'auth.json')];
  return [config.HOME, config.USERPROFILE].filter((home) => home !== undefined).map((home) => join(home, '.codex', 'auth.json'));
}

function findings(content: AuthJson, source: string): AuthFileContent {
  const { tokens, OPENAI_API_KEY: key, auth_mode: mode } = content;
  const found: AuthFileContent = {};
  if (tokens && mode !== 'apikey') {
    const claims = readClaims(tokens.access_token);
    const accountId = tokens.account_id ?? claims.accountId;
    found.chatgpt = { source, credential: { method: 'chatgpt', accessToken: new Secret(tokens.access_token), ...claims, accountId } };
  }
  if (key && mode !== 'chatgpt') found.apiKey = { source, credential: { method: 'api_key', apiKey: new Secret(key) } };
  return found;
}

/** The user's auth.json, read again whenever the file on disk is another one than before. */
export class AuthFile {
  private seen = '';
  private content: AuthFileContent = {};

  constructor(
    private readonly paths: string[],
    private readonly home: string,
    private readonly logger: Logger,
  ) {}

  /** Costs one stat while nothing changes. */
  read(): AuthFileContent {
    for (const path of this.paths) {
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats) return this.readChanged(path, stats);
    }
    this.seen = '';
    this.content = {};
    return this.content;
  }

  /** The first place looked at, as a user would write it. */
  get expectedAt(): string {
    return this.display(this.paths[0] ?? '');
  }

  private readChanged(path: string, stats: Stats): AuthFileContent {
    const version = [path, stats.ino, stats.mtimeMs, stats.ctimeMs, stats.size].join(' ');
    if (version !== this.seen) {
      this.seen = version;
      this.warnIfOpen(path, stats);
      this.content = this.parse(path);
    }
    return this.content;
  }

  private parse(path: string): AuthFileContent {
    const source = this.display(path);
    const unreadable = (reason: string): AuthFileContent => ({ broken: { source, problem: `${source} ${reason}. Run \`codex login\` on the host to write it anew.` } });
    try {
      const parsed = AuthJson.safeParse(JSON.parse(readFileSync(path, 'utf8')));
      return parsed.success ? findings(parsed.data, source) : unreadable('is not an auth.json of Codex');
    } catch (error) {
      return unreadable(error instanceof SyntaxError ? 'is not valid JSON' : `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
    }
  }

  private warnIfOpen(path: string, stats: Stats): void {
    if (process.platform === 'win32' || (stats.mode & 0o077) === 0) return;
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    this.logger.warn({ file: this.display(path), mode }, 'auth.json can be read by other users of this host; run: chmod 600 on it');
  }

  private display(path: string): string {
    return path.startsWith(`${this.home}/`) ? `~${path.slice(this.home.length)}` : path;
  }
}
