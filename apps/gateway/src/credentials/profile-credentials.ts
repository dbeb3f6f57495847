import { credentialPaths, readClaims, tokenDigest } from '@codex-mcp/credentials';
import { DEFAULT_PROFILE, type SignIn } from '@codex-mcp/contracts';
import type { Auditor, Logger } from '@codex-mcp/observability';
import type { GatewayConfig } from '../gateway.config.js';
import { refreshInProcess } from '../refresh/refresh.process.js';
import { AuthFile, type AuthFileContent } from './auth-file.js';
import type { Credential, Finding, Refreshable, SignInState } from './credential.js';
import { Refresher } from './refresher.js';
import { loginCommand, notSignedIn, nothingFound, problemOfToken, refreshTrouble } from './sign-in.problems.js';

/** As Codex itself: a token with less than this left is renewed while it still works. */
const RENEW_BEFORE_MS = 5 * 60_000;
/** So long a token that has just come is used whatever its expiry says: clocks differ, and an issuer may give short ones. */
const FRESH_MS = 30_000;

/** `unavailable`: the sign-in is there, but its token has expired and cannot be renewed at the moment. */
export type Obtained = SignInState & { unavailable?: string };

/**
 * Finds the credentials in force of one profile, anew at every call, so that a later sign-in takes effect at once, and has them
 * refreshed. A ChatGPT sign-in that is there but unusable is reported and never silently replaced by an API key,
 * which is billed separately.
 */
export class ProfileCredentials {
  private readonly file: AuthFile;
  private readonly refresher: Refresher;
  private readonly listeners: (() => void)[] = [];
  private announced: string | undefined;
  /** Digest of the access token that the model's service has refused, until the file has another. */
  private rejected: string | undefined;
  /** Digest of one that was got because its predecessor was refused, until it is accepted. */
  private untried: string | undefined;
  private fresh: { token: string | undefined; untilMs: number } | undefined;

  constructor(
    private readonly config: GatewayConfig,
    private readonly logger: Logger,
    private readonly audit: Auditor,
    private readonly profile = DEFAULT_PROFILE,
  ) {
    this.file = new AuthFile(credentialPaths(config, profile), config.HOME, logger, loginCommand(profile));
    const proxy = { httpsProxy: (config.HTTPS_PROXY ?? config.https_proxy)?.reveal(), noProxy: config.NO_PROXY ?? config.no_proxy };
    this.refresher = new Refresher((target: Refreshable) => refreshInProcess({ ...target, ...proxy, tokenUrl: config.CODEX_REFRESH_TOKEN_URL_OVERRIDE }), logger, audit, profile);
  }

  /** The sign-in in force. Costs a stat for each place while nothing changes; begins a refresh where one is due. */
  current(): SignInState {
    const state = this.choose(this.file.read());
    this.announce(state.signIn);
    if (state.credential && this.leftMs(state.credential) < RENEW_BEFORE_MS) void this.renewed(state.credential);
    return state;
  }

  /** The same with a token that has not expired: waits for the refresh where it has. Never rejects. */
  async obtain(): Promise<Obtained> {
    const state = this.current();
    if (!state.credential || this.leftMs(state.credential) > 0) return state;
    const outcome = await this.renewed(state.credential);
    return { ...this.current(), ...(outcome?.outcome === 'failed' && { unavailable: refreshTrouble(outcome.reason) }) };
  }

  /** After a 401: the sign-in with another access token, or why there is none. `undefined` leaves the 401 as it is. Never rejects. */
  async afterRefusal(refused: Credential): Promise<Obtained | undefined> {
    const token = digestOf(refused);
    const before = this.current();
    if (isSameKey(before.credential, refused)) return undefined;
    if (token === undefined || digestOf(before.credential) !== token) return !before.credential || before.credential.method === refused.method ? before : undefined;
    // A fresh token that is refused as well is not helped by a fresher one.
    if (!refreshableOf(refused) || this.untried === token) return undefined;
    this.rejected = token;
    const outcome = await this.renewed(refused);
    const after = this.current();
    if (outcome?.outcome === 'failed') return { ...after, unavailable: refreshTrouble(outcome.reason) };
    if (digestOf(after.credential) !== token) this.untried = digestOf(after.credential);
    return after;
  }

  /** The model's service has taken this credential. */
  accepted(credential: Credential): void {
    if (this.untried !== undefined && this.untried === digestOf(credential)) this.untried = undefined;
  }

  /** Calls `listener` after each change of the sign-in that {@link current} comes across. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  private async renewed(credential: Credential) {
    const target = refreshableOf(credential);
    if (!target) return undefined;
    const outcome = await this.refresher.renew(target);
    const { signIn, credential: next } = this.choose(this.file.read());
    if (outcome.outcome === 'renewed' && this.fresh?.token !== digestOf(next)) this.fresh = { token: digestOf(next), untilMs: performance.now() + FRESH_MS };
    this.announce(signIn);
    return outcome;
  }

  private leftMs(credential: Credential): number {
    if (credential.method !== 'chatgpt' || credential.expiresAtMs === undefined) return Infinity;
    const isFresh = this.fresh !== undefined && performance.now() < this.fresh.untilMs && this.fresh.token === digestOf(credential);
    return isFresh ? Infinity : credential.expiresAtMs - Date.now();
  }

  private choose(content: AuthFileContent): SignInState {
    const oauth = [content.chatgpt, this.tokenFromEnvironment(), content.broken].filter((finding) => finding !== undefined);
    const apiKey = [this.keyFromEnvironment(), content.apiKey, content.broken].filter((finding) => finding !== undefined);
    const preferred = this.config.CODEX_PREFER_OAUTH ? [oauth, apiKey] : [apiKey, oauth];
    const order = { auto: preferred, oauth: [oauth], api_key: [apiKey] }[this.isDefault ? this.config.CODEX_AUTH_METHOD : 'auto'];

    const isUsable = (finding: Finding): boolean => this.problemOf(finding) === undefined;
    const findings = order.find((candidates) => candidates.length > 0) ?? [];
    const chosen = findings.find(isUsable) ?? findings[0];
    if (!chosen) return { signIn: { method: 'none', problem: this.isDefault ? nothingFound(this.config.CODEX_AUTH_METHOD, this.file.expectedAt) : notSignedIn(this.profile) } };
    const problem = this.problemOf(chosen);
    if (problem === undefined && chosen.credential) return { signIn: { method: chosen.credential.method, source: chosen.source, ...(this.file.isShared && chosen === content.chatgpt && { shared: true as const }), ...this.warningOf(chosen.credential) }, credential: chosen.credential };
    const otherwise = this.isDefault && order.flat().some(isUsable) ? ' To use the API key instead, set CODEX_AUTH_METHOD=api_key.' : '';
    return { signIn: { method: 'none', source: chosen.source, problem: `${problem}${otherwise}` } };
  }

  private problemOf({ problem, credential }: Finding): string | undefined {
    if (problem !== undefined || credential.method !== 'chatgpt') return problem;
    const outcome = credential.refresh && this.refresher.lastOutcome(credential.refresh);
    const isUseless = this.leftMs(credential) <= 0 || (this.rejected !== undefined && this.rejected === digestOf(credential));
    return problemOfToken(isUseless, credential.refresh !== undefined, outcome, loginCommand(this.profile));
  }

  /** What will end a sign-in that still works. */
  private warningOf(credential: Credential): Pick<SignIn, 'problem'> {
    const target = refreshableOf(credential);
    const outcome = target && this.refresher.lastOutcome(target);
    if (!outcome || outcome.outcome === 'renewed') return {};
    return { problem: outcome.outcome === 'failed' ? refreshTrouble(outcome.reason) : problemOfToken(true, true, outcome, loginCommand(this.profile)) };
  }

  /** The environment's credentials, and the choice among kinds of them, are for the default profile. */
  private get isDefault(): boolean {
    return this.profile === DEFAULT_PROFILE;
  }

  private tokenFromEnvironment(): Finding | undefined {
    const accessToken = this.config.CHATGPT_OAUTH_TOKEN;
    if (!accessToken || !this.isDefault) return undefined;
    const { expiresAtMs, accountId, fedramp } = readClaims(accessToken.reveal());
    return { source: 'CHATGPT_OAUTH_TOKEN', credential: { method: 'chatgpt', accessToken, expiresAtMs, accountId, fedramp } };
  }

  private keyFromEnvironment(): Finding | undefined {
    const apiKey = this.isDefault ? this.config.OPENAI_API_KEY : undefined;
    return apiKey && { source: 'OPENAI_API_KEY', credential: { method: 'api_key', apiKey } };
  }

  private announce(signIn: SignIn): void {
    const description = JSON.stringify(signIn);
    if (description === this.announced) return;
    this.announced = description;
    this.logger[signIn.method === 'none' ? 'warn' : 'info']({ profile: this.profile, signIn }, 'sign-in');
    this.audit.record({ action: 'sign_in.changed', outcome: 'ok', detail: { profile: this.profile, method: signIn.method, source: signIn.source, problem: signIn.problem } });
    for (const listener of this.listeners) listener();
  }
}

const refreshableOf = (credential: Credential): Refreshable | undefined => (credential.method === 'chatgpt' ? credential.refresh : undefined);
const digestOf = (credential: Credential | undefined): string | undefined => (credential?.method === 'chatgpt' ? tokenDigest(credential.accessToken.reveal()) : undefined);
const isSameKey = (one: Credential | undefined, other: Credential): boolean => one?.method === 'api_key' && other.method === 'api_key' && one.apiKey.reveal() === other.apiKey.reveal();
