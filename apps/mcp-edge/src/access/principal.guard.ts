import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Authenticator } from './authenticator.service.js';
import { OpenRequests } from './open-requests.service.js';
import { setPrincipal } from './principal.js';
import { RequestQuota } from './request-quota.service.js';
import { assertScope } from './scopes.js';

/** Lets in whoever shows an accepted bearer token, everybody where no tokens are configured, as long as the tenant does not ask for too much. */
@Injectable()
export class PrincipalGuard implements CanActivate {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly open: OpenRequests,
    private readonly quota: RequestQuota,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const response = http.getResponse<Response>();
    const request = http.getRequest<Request>();
    const principal = await this.authenticator.identify(request.headers.authorization);
    assertScope(principal, 'read', 'This server');
    setPrincipal(response, principal);
    await this.quota.spend(principal.tenant);
    this.open.track(principal, request, response);
    return true;
  }
}
