import { AppError } from '@codex-mcp/contracts';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { isSafeUrl } from './oauth.config.js';

const TIMEOUT_MS = 5000;
/** Keys that an issuer has withdrawn count no longer than that, as long as it can be asked. */
const MAX_AGE_MS = 10 * 60_000;
/** Tokens with keys that nobody has make the server ask the issuer at most so often. */
const COOLDOWN_MS = 10_000;

const Discovered = z.looseObject({ issuer: z.string(), jwks_uri: z.string().refine(isSafeUrl) });

type KeySet = ReturnType<typeof createRemoteJWKSet>;

/** The keys with which an issuer signs, found by its discovery document and asked for again when they are old, or one is missing. */
export class IssuerKeys {
  private keys: KeySet | undefined;
  private discovering: Promise<KeySet> | undefined;

  constructor(
    private readonly issuer: string,
    private readonly cooldownMs = COOLDOWN_MS,
  ) {}

  /** Rejects with jose's error for a key that the issuer does not have, with `service_unavailable` where it cannot be asked. */
  readonly keyOf: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.discovered();
    try {
      return await keys(header, token);
    } catch (error) {
      if (isVerdict(error)) throw error;
      return await this.knownKey(keys, header, token, error);
    }
  };

  /** While the issuer is away, the keys that it had go on. */
  private async knownKey(keys: KeySet, header: Parameters<JWTVerifyGetKey>[0], token: Parameters<JWTVerifyGetKey>[1], cause: unknown) {
    const known = keys.jwks();
    const key = known && (await createLocalJWKSet(known)(header, token).catch(() => undefined));
    if (!key) throw away(cause);
    return key;
  }

  private async discovered(): Promise<KeySet> {
    this.discovering ??= this.discover().finally(() => (this.discovering = undefined));
    this.keys ??= await this.discovering;
    return this.keys;
  }

  private async discover(): Promise<KeySet> {
    if (this.keys) return this.keys;
    const { origin, pathname } = new URL(this.issuer);
    const path = pathname.replace(/\/$/, '');
    const places = [`${origin}${path}/.well-known/openid-configuration`, `${origin}/.well-known/oauth-authorization-server${path}`];
    let problem: unknown;
    for (const place of places) {
      try {
        const response = await fetch(place, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
        const { issuer, jwks_uri: keys } = Discovered.parse(await response.json());
        if (issuer !== this.issuer) throw new Error('it is the document of another issuer');
        return createRemoteJWKSet(new URL(keys), { timeoutDuration: TIMEOUT_MS, cacheMaxAge: MAX_AGE_MS, cooldownDuration: this.cooldownMs });
      } catch (error) {
        problem = error;
      }
    }
    throw away(problem);
  }
}

/** The issuer was asked, or need not be: it has no such key. */
const isVerdict = (error: unknown): boolean => error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported;

const away = (cause: unknown): AppError => new AppError('service_unavailable', 'The issuer of OAuth tokens (MCP_OAUTH_ISSUER) cannot be asked for its keys, so your token cannot be checked; try again in a moment.', { cause });
