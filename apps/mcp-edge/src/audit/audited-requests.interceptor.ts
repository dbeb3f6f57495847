import { AuditLog } from '@codex-mcp/observability';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import { principalOf } from '../access/principal.js';
import { correlationIdOf } from '../http/correlation-id.middleware.js';
import { onClosed } from '../http/response-end.js';

/** Audits what REST is asked for beside tools, with the status of its answer. */
@Injectable()
export class AuditedRequests implements NestInterceptor {
  constructor(private readonly audit: AuditLog) {}

  intercept(context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    const response = context.switchToHttp().getResponse<Response>();
    const { method, path } = context.switchToHttp().getRequest<Request>();
    const { tenant, id: principal } = principalOf(response);
    onClosed(response, () => {
      const { statusCode: status } = response;
      this.audit.record({ action: 'rest.call', outcome: status < 400 ? 'ok' : status < 500 ? 'refused' : 'failed', tenant, principal, correlationId: correlationIdOf(response), detail: { method, path, status } });
    });
    return next.handle();
  }
}
