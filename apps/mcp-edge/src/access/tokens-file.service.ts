import { readFileSync } from 'node:fs';
import { fileVersion } from '@codex-mcp/config';
import type { AccessTokenEntry } from '@codex-mcp/contracts';
import { AuditLog, type Logger } from '@codex-mcp/observability';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../edge.tokens.js';
import { type AccessTokens, parseAccessTokens } from './access-tokens.js';

/** Files that are mounted or replaced are not always announced, so they are looked at. */
const LOOK_MS = 1000;

type Ended = (principals: ReadonlySet<string>) => void;

/** MCP_AUTH_TOKENS_FILE as it is at the moment. What it says no more, or what has expired, ends for those who use it. */
@Injectable()
export class TokensFile implements OnModuleInit, BeforeApplicationShutdown {
  private tokens: AccessTokens | undefined;
  /** The tokens that were accepted when it was last looked at, by their hashes. */
  private accepted = new Map<string, AccessTokenEntry>();
  private seen: string | undefined = '';
  private readonly listeners: Ended[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly audit: AuditLog,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.use(config.accessTokens);
  }

  /** Whether there is one. */
  get isUsed(): boolean {
    return this.tokens !== undefined;
  }

  /** What is known of a token, expired or not. */
  find(token: string): AccessTokenEntry | undefined {
    return this.tokens?.find(token);
  }

  /** Calls back with the ids of principals whose tokens have been taken away, stand for something else now, or have expired. */
  onEnded(listener: Ended): void {
    this.listeners.push(listener);
  }

  onModuleInit(): void {
    if (this.isUsed) this.timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const path = this.config.MCP_AUTH_TOKENS_FILE ?? '';
    const version = versionOf(path);
    if (version !== this.seen) {
      this.seen = version;
      try {
        this.tokens = parseAccessTokens(readFileSync(path, 'utf8'));
        this.audit.record({ action: 'tokens.reloaded', outcome: 'ok', detail: { path, tokens: this.tokens.count } });
        this.logger.info({ path }, 'the tokens file was read');
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.audit.record({ action: 'tokens.reloaded', outcome: 'failed', detail: { path, reason } });
        this.logger.error({ path, reason }, 'the tokens file cannot be used; its former content stays in force');
      }
    }
    this.use(this.tokens);
  }

  private use(tokens: AccessTokens | undefined): void {
    this.tokens = tokens;
    const now = new Map((tokens?.validAt(Date.now()) ?? []).map((entry) => [entry.digest, entry]));
    const ended = [...this.accepted].filter(([digest, former]) => !isSame(former, now.get(digest))).map(([digest]) => digest);
    this.accepted = now;
    if (ended.length > 0) for (const tell of this.listeners) tell(new Set(ended));
  }
}

const isSame = (former: AccessTokenEntry, now: AccessTokenEntry | undefined): boolean => now !== undefined && former.tenant === now.tenant && former.scopes.join() === now.scopes.join();

/** The same for as long as the file cannot be looked at. */
function versionOf(path: string): string | undefined {
  try {
    return fileVersion(path);
  } catch {
    return 'away';
  }
}
