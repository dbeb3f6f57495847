import { AppError } from '@codex-mcp/contracts';
import { Injectable } from '@nestjs/common';
import { hasExpired } from './access-tokens.js';
import { LOCAL_PRINCIPAL, type Principal } from './principal.js';
import { TokensFile } from './tokens-file.service.js';

/** `reason`: what `error_description` says of a token that was shown. */
export class Unauthenticated extends AppError {
  constructor(readonly reason?: string) {
    super('unauthenticated', `${reason ?? 'This server asks for a token'}: send "Authorization: Bearer <token>" with one from its MCP_AUTH_TOKENS_FILE.`);
  }
}

/** Finds out who calls. */
@Injectable()
export class Authenticator {
  constructor(private readonly tokens: TokensFile) {}

  /** Whether nobody has to say who they are. */
  get isOpen(): boolean {
    return !this.tokens.isUsed;
  }

  /** The principal of the header Authorization. Rejects with Unauthenticated. */
  async identify(authorization: string | undefined): Promise<Principal> {
    if (this.isOpen) return LOCAL_PRINCIPAL;
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw new Unauthenticated();
    return this.identifyToken(token);
  }

  /** The principal of a bearer token. Rejects with Unauthenticated. */
  async identifyToken(token: string): Promise<Principal> {
    const known = this.tokens.find(token);
    if (!known) throw new Unauthenticated('The token is not known');
    if (hasExpired(known, Date.now())) throw new Unauthenticated('The token has expired');
    const { tenant, digest, scopes, name } = known;
    return { tenant, id: digest, scopes: new Set(scopes), name };
  }
}
