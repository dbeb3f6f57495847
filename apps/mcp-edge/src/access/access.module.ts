import { Global, Module } from '@nestjs/common';
import { Authenticator } from './authenticator.service.js';
import { OpenRequests } from './open-requests.service.js';
import { RequestQuota } from './request-quota.service.js';
import { TokensFile } from './tokens-file.service.js';

/** Who calls, for the guards of all routes. */
@Global()
@Module({ providers: [TokensFile, Authenticator, OpenRequests, RequestQuota], exports: [TokensFile, Authenticator, OpenRequests, RequestQuota] })
export class AccessModule {}
