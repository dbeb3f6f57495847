import { AppError } from '@codex-mcp/contracts';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { LOCAL_PRINCIPAL, type Principal, setPrincipal } from './principal.js';

/** Lets in whoever shows an accepted bearer token; everybody where no tokens are configured. */
@Injectable()
export class PrincipalGuard implements CanActivate {
  constructor(@Inject(EDGE_CONFIG) private readonly config: EdgeConfig) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    setPrincipal(http.getResponse<Response>(), this.identify(http.getRequest<Request>(), http.getResponse<Response>()));
    return true;
  }

  private identify(request: Request, response: Response): Principal {
    const { accessTokens } = this.config;
    if (!accessTokens) return LOCAL_PRINCIPAL;
    const token = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    const known = token === undefined ? undefined : accessTokens.identify(token);
    if (known) return { tenant: known.tenant, id: known.tokenId };
    response.setHeader('WWW-Authenticate', `Bearer realm="codex-mcp"${token === undefined ? '' : ', error="invalid_token"'}`);
    throw new AppError('unauthenticated', 'This server asks for a token: send "Authorization: Bearer <token>" with one from its MCP_AUTH_TOKENS_FILE.');
  }
}
