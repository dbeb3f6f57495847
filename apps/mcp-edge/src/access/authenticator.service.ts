import { Inject, Injectable } from '@nestjs/common';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { hasExpired } from './access-tokens.js';
import { OAuthTokens } from './oauth/oauth-tokens.js';
import { LOCAL_PRINCIPAL, type Principal } from './principal.js';
import { TokensFile } from './tokens-file.service.js';
import { Unauthenticated } from './unauthenticated.js';

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Finds out who calls. */
@Injectable()
export class Authenticator {
  private readonly oauth: OAuthTokens | undefined;

  constructor(
    private readonly tokens: TokensFile,
    @Inject(EDGE_CONFIG) { oauth }: EdgeConfig,
  ) {
    this.oauth = oauth && new OAuthTokens(oauth);
  }

  /** Whether nobody has to say who they are. */
  get isOpen(): boolean {
    return !this.tokens.isUsed && !this.oauth;
  }

  /** The principal of the header Authorization. Rejects with Unauthenticated, or `service_unavailable`. */
  async identify(authorization: string | undefined): Promise<Principal> {
    if (this.isOpen) return LOCAL_PRINCIPAL;
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new Unauthenticated();
    return this.identifyToken(token);
  }

  /** The principal of a bearer token. Rejects like {@link identify}. */
  async identifyToken(token: string): Promise<Principal> {
    const known = this.tokens.find(token);
    if (!known && this.oauth && JWT.test(token)) return this.oauth.identify(token);
    if (!known) throw new Unauthenticated('The token is not known');
    if (hasExpired(known, Date.now())) throw new Unauthenticated('The token has expired');
    const { tenant, digest, scopes, name } = known;
    return { tenant, id: digest, scopes: new Set(scopes), name };
  }
}
