import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, type Registry } from 'prom-client';
import { METRICS } from '../gateway.tokens.js';
import type { EgressEnd } from './egress-refusal.js';

/** Counts agents' ways out; labels stay few, so no agents and no hosts. */
@Injectable()
export class EgressMetrics {
  readonly open: Gauge;
  private readonly attempts: Counter;
  private readonly bytes: Counter;

  constructor(@Inject(METRICS) registry: Registry) {
    const registers = [registry];
    this.attempts = new Counter({ name: 'codex_mcp_gateway_egress_total', help: 'Attempts of agents to reach a host through CONNECT, by how they ended', labelNames: ['end'], registers });
    this.open = new Gauge({ name: 'codex_mcp_gateway_egress_open', help: 'Connections of agents to hosts that are open', registers });
    this.bytes = new Counter({ name: 'codex_mcp_gateway_egress_bytes_total', help: 'Bytes between agents and hosts', labelNames: ['direction'], registers });
  }

  observe(end: EgressEnd, { sentBytes, receivedBytes }: { sentBytes: number; receivedBytes: number }): void {
    this.attempts.inc({ end });
    this.bytes.inc({ direction: 'to_host' }, sentBytes);
    this.bytes.inc({ direction: 'to_agent' }, receivedBytes);
  }
}
