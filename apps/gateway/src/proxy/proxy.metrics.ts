import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRICS } from '../gateway.tokens.js';

/** Counts what agents ask of the model; labels stay few, so no agent ids. */
@Injectable()
export class ProxyMetrics {
  readonly inFlight: Gauge;
  /** By what was the matter. */
  readonly retries: Counter;
  private readonly requests: Counter;
  private readonly firstByte: Histogram;
  private readonly bytes: Counter;

  constructor(@Inject(METRICS) registry: Registry) {
    const registers = [registry];
    this.requests = new Counter({ name: 'codex_mcp_gateway_requests_total', help: 'Requests of agents, by class of the answer', labelNames: ['status', 'end'], registers });
    this.inFlight = new Gauge({ name: 'codex_mcp_gateway_requests_in_flight', help: 'Requests of agents being answered', registers });
    this.retries = new Counter({ name: 'codex_mcp_gateway_retries_total', help: 'Requests sent to the model again, by what was the matter', labelNames: ['trouble'], registers });
    this.bytes = new Counter({ name: 'codex_mcp_gateway_response_bytes_total', help: 'Bytes of answers passed to agents', registers });
    this.firstByte = new Histogram({
      name: 'codex_mcp_gateway_upstream_first_byte_seconds',
      help: 'Time from an agent’s request to the first byte of the answer',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
      registers,
    });
  }

  observe(exchange: { status: number | undefined; end: string; firstByteMs: number | undefined; responseBytes: number }): void {
    const status = exchange.status === undefined ? 'none' : `${Math.floor(exchange.status / 100)}xx`;
    this.requests.inc({ status, end: exchange.end });
    this.bytes.inc(exchange.responseBytes);
    if (exchange.firstByteMs !== undefined) this.firstByte.observe(exchange.firstByteMs / 1000);
  }
}
