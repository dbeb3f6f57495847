import { Inject, Injectable } from '@nestjs/common';
import type { SignIn } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { readClaims } from './access-token.js';
import { AuthFile, type AuthFileContent, authFilePaths } from './auth-file.js';
import type { Finding, SignInState } from './credential.js';

const EXPIRED = 'The ChatGPT sign-in has expired. Run `codex login` on the host again; it is picked up without a restart.';

const problemOf = ({ problem, credential }: Finding): string | undefined => {
  if (problem !== undefined) return problem;
  const isExpired = credential.method === 'chatgpt' && credential.expiresAtMs !== undefined && credential.expiresAtMs <= Date.now();
  return isExpired ? EXPIRED : undefined;
};

const isUsable = (finding: Finding): boolean => problemOf(finding) === undefined;

/**
 * Finds the credentials in force, anew at every call, so that a later `codex login` takes effect at once.
 * A ChatGPT sign-in that is there but unusable is reported and never silently replaced by an API key,
 * which is billed separately.
 */
@Injectable()
export class CredentialsService {
  private readonly file: AuthFile;
  private readonly listeners: (() => void)[] = [];
  private announced: string | undefined;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.file = new AuthFile(authFilePaths(config), config.HOME, logger);
  }

  /** The sign-in in force. Costs one stat while nothing changes. */
  current(): SignInState {
    const state = this.choose(this.file.read());
    this.announce(state.signIn);
    return state;
  }

  /** Calls `listener` after each change of the sign-in that {@link current} comes across. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  private choose(content: AuthFileContent): SignInState {
    const oauth = [content.chatgpt, this.tokenFromEnvironment(), content.broken].filter((finding) => finding !== undefined);
    const apiKey = [this.keyFromEnvironment(), content.apiKey, content.broken].filter((finding) => finding !== undefined);
    const preferred = this.config.CODEX_PREFER_OAUTH ? [oauth, apiKey] : [apiKey, oauth];
    const order = { auto: preferred, oauth: [oauth], api_key: [apiKey] }[this.config.CODEX_AUTH_METHOD];

    const findings = order.find((candidates) => candidates.length > 0) ?? [];
    const chosen = findings.find(isUsable) ?? findings[0];
    if (!chosen) return { signIn: { method: 'none', problem: this.nothingFound() } };
    const problem = problemOf(chosen);
    if (problem === undefined && chosen.credential) return { signIn: { method: chosen.credential.method, source: chosen.source }, credential: chosen.credential };
    const otherwise = order.flat().some(isUsable) ? ' To use the API key instead, set CODEX_AUTH_METHOD=api_key.' : '';
    return { signIn: { method: 'none', source: chosen.source, problem: `${problem}${otherwise}` } };
  }

  private tokenFromEnvironment(): Finding | undefined {
    const accessToken = this.config.CHATGPT_OAUTH_TOKEN;
    return accessToken && { source: 'CHATGPT_OAUTH_TOKEN', credential: { method: 'chatgpt', accessToken, ...readClaims(accessToken.reveal()) } };
  }

  private keyFromEnvironment(): Finding | undefined {
    const apiKey = this.config.OPENAI_API_KEY;
    return apiKey && { source: 'OPENAI_API_KEY', credential: { method: 'api_key', apiKey } };
  }

  private nothingFound(): string {
    const login = `run \`codex login\` on the host (looked for ${this.file.expectedAt})`;
    const byMethod = { auto: `${login}, or set OPENAI_API_KEY`, oauth: login, api_key: 'set OPENAI_API_KEY, or run `codex login --with-api-key` on the host' };
    return `Not signed in to OpenAI: ${byMethod[this.config.CODEX_AUTH_METHOD]}.`;
  }

  private announce(signIn: SignIn): void {
    const description = JSON.stringify(signIn);
    if (description === this.announced) return;
    this.announced = description;
    this.logger[signIn.method === 'none' ? 'warn' : 'info']({ signIn }, 'sign-in');
    for (const listener of this.listeners) listener();
  }
}
