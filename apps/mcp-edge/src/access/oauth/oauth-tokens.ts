import { createHash } from 'node:crypto';
import { AppError, Scope } from '@codex-mcp/contracts';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Principal } from '../principal.js';
import { Unauthenticated } from '../unauthenticated.js';
import { IssuerKeys } from './issuer-keys.js';
import type { OauthSettings } from './oauth.config.js';

/** Clocks differ by that much at most. */
const CLOCK_TOLERANCE_S = 5;
const MAX_CLAIM_CHARACTERS = 512;

/** The tokens of an OAuth issuer, which says in them whose they are and what they may do. */
export class OAuthTokens {
  constructor(
    private readonly settings: OauthSettings,
    private readonly keys = new IssuerKeys(settings.issuer),
  ) {}

  /** Rejects with Unauthenticated, and with `service_unavailable` where the issuer cannot be asked for a key that is not known yet. */
  async identify(token: string): Promise<Principal> {
    const { issuer, audiences, algorithms, tenantClaim } = this.settings;
    try {
      const { payload } = await jwtVerify(token, this.keys.keyOf, { issuer, audience: [...audiences], algorithms: [...algorithms], requiredClaims: ['exp', 'sub'], clockTolerance: CLOCK_TOLERANCE_S });
      const tenant = claimOf(payload, tenantClaim);
      const subject = claimOf(payload, 'sub');
      // The same from token to token of one client, so that its sessions outlive the short life of a token.
      const id = `oauth-${hashOf([issuer, subject, payload['client_id'] ?? payload['azp'] ?? ''])}`;
      return { tenant: `oauth-${hashOf([issuer, tenantClaim, tenant]).slice(0, 32)}`, id, scopes: scopesOf(payload), expiresAtMs: (payload.exp ?? 0) * 1000, mayAskForMore: true };
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new Unauthenticated(reasonOf(error));
    }
  }
}

function claimOf(payload: JWTPayload, name: string): string {
  const value = payload[name];
  if (typeof value === 'string' && value !== '' && value.length <= MAX_CLAIM_CHARACTERS) return value;
  throw new Unauthenticated(`The token has no claim ${name.replaceAll(/[^\w.:/-]/g, '?')} that says whose it is`);
}

/** As JSON, two lists of values are never the same text. */
const hashOf = (values: readonly unknown[]): string => createHash('sha256').update(JSON.stringify(values)).digest('hex');

/** `scope` as RFC 9068 has it, or `scp` as other issuers do. */
function scopesOf({ scope, scp }: JWTPayload): ReadonlySet<Scope> {
  const given = scope ?? scp;
  const words = typeof given === 'string' ? given.split(' ') : Array.isArray(given) ? given : [];
  return new Set(Scope.options.filter((known) => words.includes(known)));
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired';
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') return 'The token is for another server';
  return 'The token is not valid';
}
