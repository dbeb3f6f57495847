import { Inject, Injectable } from '@nestjs/common';
import { type AgentIdentity, DEFAULT_PROFILE, type GatewayProfiles, profileOf, profilesIn } from '@codex-mcp/contracts';
import { AuditLog, type Auditor, type Logger } from '@codex-mcp/observability';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import type { SignInState } from './credential.js';
import { ProfileCredentials } from './profile-credentials.js';
import { ProfilesFile } from './profiles.file.js';

/** A sign-in and a sign-out are noticed within this also where no agent asks for anything. */
const WATCH_MS = 1000;

/** The sign-ins of this gateway by profile, and which one an agent's requests go with; callers have no say in it. */
@Injectable()
export class CredentialsService {
  private readonly file: ProfilesFile;
  private readonly profiles = new Map<string, ProfileCredentials>();
  private readonly listeners: (() => void)[] = [];
  private watch: NodeJS.Timeout | undefined;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(AuditLog) private readonly audit: Auditor,
  ) {
    this.file = new ProfilesFile(config.SIGN_IN_PROFILES_FILE, logger);
  }

  of(agent: AgentIdentity): ProfileCredentials {
    return this.profile(profileOf(this.file.read(), agent));
  }

  /** The sign-in of everybody who has no other. */
  current(): SignInState {
    return this.profile(DEFAULT_PROFILE).current();
  }

  /** Undefined where nobody has another sign-in. */
  others(): GatewayProfiles | undefined {
    const choice = this.file.read();
    const names = profilesIn(choice).filter((name) => name !== DEFAULT_PROFILE);
    if (names.length === 0) return undefined;
    return { choice, signIns: Object.fromEntries(names.map((name) => [name, this.profile(name).current().signIn])) };
  }

  /** Calls `listener` after each change of a sign-in that anybody comes across. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  startWatching(): void {
    this.watch ??= setInterval(() => [this.current(), this.others()], WATCH_MS).unref();
  }

  stopWatching(): void {
    clearInterval(this.watch);
    this.watch = undefined;
  }

  private profile(name: string): ProfileCredentials {
    const known = this.profiles.get(name);
    if (known) return known;
    const made = new ProfileCredentials(this.config, this.logger, this.audit, name);
    made.onChange(() => this.listeners.forEach((listener) => listener()));
    this.profiles.set(name, made);
    return made;
  }
}
