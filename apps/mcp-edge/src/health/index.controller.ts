import { Controller, Get, Inject } from '@nestjs/common';
import { EDGE_PROCESS, type EdgeProcess } from '../edge.tokens.js';

/** Points whoever opens the port in a browser to the right places. */
@Controller()
export class IndexController {
  constructor(@Inject(EDGE_PROCESS) private readonly self: EdgeProcess) {}

  @Get()
  index(): object {
    return {
      name: 'codex-mcp',
      version: this.self.version,
      mcp: { streamable_http: '/mcp', sse: '/sse' },
      rest: '/tools',
      jobs: '/jobs',
      openapi: '/openapi.json',
      docs: '/docs',
      health: '/health',
      metrics: '/metrics',
      dashboard: '/ops/queues',
    };
  }
}
