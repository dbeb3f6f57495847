import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { Logger } from '@codex-mcp/observability';
import type { Response } from 'express';
import { LOGGER } from '../edge.tokens.js';
import { correlationIdOf } from './correlation-id.middleware.js';
import { problemOf } from './http-problem.js';

/** The one place where thrown errors become HTTP. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const problem = problemOf(error, correlationIdOf(response));
    if (problem.status === 500) this.logger.error({ err: error, correlationId: problem.correlation_id }, 'unexpected error in a request');
    if (response.headersSent) response.destroy();
    else response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }
}
