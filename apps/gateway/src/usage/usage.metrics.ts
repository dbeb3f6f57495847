import { Inject, Injectable } from '@nestjs/common';
import type { ModelUse } from '@codex-mcp/contracts';
import { Counter, type Registry } from 'prom-client';
import { METRICS } from '../gateway.tokens.js';

/** Models without a price share one label: their names are the service's, and anybody's. */
const OTHER = 'other';

/** What all agents took together; get_usage has it by agent. */
@Injectable()
export class UsageMetrics {
  private readonly tokens: Counter;
  private readonly cost: Counter;
  private readonly estimated: Counter;

  constructor(@Inject(METRICS) registry: Registry) {
    const registers = [registry];
    this.tokens = new Counter({ name: 'codex_mcp_gateway_tokens_total', help: 'Tokens of model requests; cached_input is part of input, reasoning of output', labelNames: ['model', 'kind'], registers });
    this.cost = new Counter({ name: 'codex_mcp_gateway_cost_usd_total', help: 'US dollars that model requests cost at list prices', labelNames: ['model'], registers });
    this.estimated = new Counter({ name: 'codex_mcp_gateway_estimated_requests_total', help: 'Model requests whose answer broke off before it told its tokens', registers });
  }

  observe({ model: name, tokens, costUsd, isEstimated }: ModelUse): void {
    const model = costUsd === undefined ? OTHER : name;
    const kinds = { input: tokens.input, cached_input: tokens.cached, output: tokens.output, reasoning: tokens.reasoning };
    for (const [kind, count] of Object.entries(kinds)) this.tokens.inc({ model, kind }, count);
    this.cost.inc({ model }, costUsd ?? 0);
    if (isEstimated) this.estimated.inc();
  }
}
