import { readFileSync } from 'node:fs';
import { ConfigError, fileVersion } from '@codex-mcp/config';
import { ProfileChoice } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import { z } from 'zod';

const NOBODY: ProfileChoice = { tenants: {}, agents: {} };

/** The operator's choice of profiles, read again whenever its file on disk is another one. */
export class ProfilesFile {
  private seen: string | undefined;
  private choice = NOBODY;

  /** Throws a ConfigError where the file cannot be used; one that is broken later leaves the choice as it was. */
  constructor(
    private readonly path: string | undefined,
    private readonly logger: Logger,
  ) {
    if (path === undefined) return;
    this.seen = fileVersion(path);
    this.choice = parse(path);
  }

  read(): ProfileChoice {
    if (this.path === undefined) return this.choice;
    const version = fileVersion(this.path);
    if (version === this.seen) return this.choice;
    this.seen = version;
    try {
      this.choice = parse(this.path);
    } catch (error) {
      this.logger.error({ reason: (error as Error).message }, 'the choice of profiles stays as it was');
    }
    return this.choice;
  }
}

function parse(path: string): ProfileChoice {
  try {
    return ProfileChoice.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new ConfigError(`SIGN_IN_PROFILES_FILE cannot be used (${path}): ${why}\nIt names a profile for tenants, and for agents of tenants: {"tenants": {"alice": "work"}, "agents": {"bob": {"builder": "work"}}}`);
  }
}
