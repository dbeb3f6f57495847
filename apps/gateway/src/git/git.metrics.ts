import { Inject, Injectable } from '@nestjs/common';
import { Counter, type Registry } from 'prom-client';
import { METRICS } from '../gateway.tokens.js';

/** Counts what agents do with git; labels stay few, so no agents and no repositories. */
@Injectable()
export class GitMetrics {
  private readonly requests: Counter;
  private readonly bytes: Counter;

  constructor(@Inject(METRICS) registry: Registry) {
    const registers = [registry];
    this.requests = new Counter({ name: 'codex_mcp_gateway_git_requests_total', help: 'Git requests of agents, by service and how they ended', labelNames: ['service', 'end'], registers });
    this.bytes = new Counter({ name: 'codex_mcp_gateway_git_bytes_total', help: 'Bytes of git requests and answers', labelNames: ['direction'], registers });
  }

  observe(exchange: { service: string; end: string; requestBytes: number; responseBytes: number }): void {
    this.requests.inc({ service: exchange.service, end: exchange.end });
    this.bytes.inc({ direction: 'to_host' }, exchange.requestBytes);
    this.bytes.inc({ direction: 'to_agent' }, exchange.responseBytes);
  }
}
