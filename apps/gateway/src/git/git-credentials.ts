import { readFileSync, statSync } from 'node:fs';
import { fileVersion, Secret } from '@codex-mcp/config';
import type { Logger } from '@codex-mcp/observability';

type Entry = { origin: string; path: string; authorization: Secret; token: Secret };

/** The operator's file in the format of git-credential-store: a URL with user and password on each line. */
export class GitCredentials {
  private seen: string | undefined;
  private entries: Entry[] = [];

  constructor(
    private readonly path: string | undefined,
    private readonly logger: Logger,
  ) {}

  /**
   * The `Authorization` for a repository; a line with a path is for that repository, or those below it, only.
   * Costs one stat while the file does not change. Throws where it cannot be read.
   */
  find(origin: string, repository: string): Secret | undefined {
    return this.entry(origin, repository)?.authorization;
  }

  /** The same as the host's API takes it: the password alone. */
  token(origin: string, repository: string): Secret | undefined {
    return this.entry(origin, repository)?.token;
  }

  private entry(origin: string, repository: string): Entry | undefined {
    if (this.path === undefined) return undefined;
    const version = fileVersion(this.path);
    if (version === undefined || version !== this.seen) {
      if ((statSync(this.path).mode & 0o077) !== 0) this.logger.warn({ file: this.path }, 'GIT_CREDENTIALS_FILE can be read by other users of this host; run: chmod 600 on it');
      this.entries = readFileSync(this.path, 'utf8').split('\n').flatMap((line, at) => this.parse(line.trim(), at + 1));
      this.seen = version;
    }
    return this.entries.find((entry) => entry.origin === origin && (`${repository}/`.startsWith(`${entry.path}/`) || repository === `${entry.path}.git`));
  }

  private parse(line: string, number: number): Entry[] {
    if (line === '' || line.startsWith('#')) return [];
    try {
      const url = new URL(line);
      const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
      return [{ origin: url.origin, path: url.pathname.replace(/\/+$/, ''), authorization: new Secret(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`), token: new Secret(password) }];
    } catch {
      // Its text would be a secret in the log.
      this.logger.warn({ file: this.path, line: number }, 'a line of GIT_CREDENTIALS_FILE is not a URL such as https://user:password@github.com');
      return [];
    }
  }
}
