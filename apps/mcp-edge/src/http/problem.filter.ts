import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import { AuditLog, type Logger } from '@codex-mcp/observability';
import type { Request, Response } from 'express';
import { challenge } from '../access/challenge.js';
import { knownPrincipalOf } from '../access/principal.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../edge.tokens.js';
import { correlationIdOf } from './correlation-id.middleware.js';
import { type ProblemDocument, problemOf } from './http-problem.js';

/** What is kept from somebody, rather than asked for wrongly. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 421, 429]);

/** The one place where thrown errors become HTTP. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly audit: AuditLog,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const problem = problemOf(error, correlationIdOf(response));
    if (REFUSALS.has(problem.status)) this.auditRefusal(problem, host.switchToHttp().getRequest<Request>(), response);
    if (problem.status === 500) this.logger.error({ err: error, correlationId: problem.correlation_id }, 'unexpected error in a request');
    if (response.headersSent) return void response.destroy();
    challenge(host.switchToHttp().getRequest<Request>(), response, error, this.config.oauth);
    if (problem.retry_after_s !== undefined) response.setHeader('Retry-After', problem.retry_after_s);
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }

  private auditRefusal({ status, code, correlation_id: correlationId }: ProblemDocument, { method, path, socket, headers }: Request, response: Response): void {
    const caller = knownPrincipalOf(response);
    const detail = { status, code, method, path, from: socket.remoteAddress, host: headers.host, origin: headers.origin };
    this.audit.record({ action: 'request.refused', outcome: 'refused', tenant: caller?.tenant, principal: caller?.id, correlationId, detail });
  }
}
