import { Inject, Injectable } from '@nestjs/common';
import type { AgentIdentity, ModelUse } from '@codex-mcp/contracts';
import { costOf, loadPrices, type ModelPrices } from '@codex-mcp/prices';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG } from '../gateway.tokens.js';
import { type Metered, RequestMeter } from './request-meter.js';
import { UsageLedger } from './usage.ledger.js';
import { UsageMetrics } from './usage.metrics.js';

/** Meters what agents take of the model, where none of them has a say in it. */
@Injectable()
export class UsageService {
  private readonly prices: ModelPrices;

  constructor(
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(UsageLedger) private readonly ledger: UsageLedger,
    @Inject(UsageMetrics) private readonly metrics: UsageMetrics,
  ) {
    this.prices = loadPrices(config.MODEL_PRICES_FILE);
  }

  /** A meter for one answer, whose tokens are counted for `agent`, and told to `onUse`. */
  meter(agent: AgentIdentity, requestBytes: number, onUse: (use: ModelUse) => void): RequestMeter {
    return new RequestMeter(requestBytes, (metered) => {
      const use = { ...metered, costUsd: this.costOf(metered) };
      this.ledger.count(agent, use);
      this.metrics.observe(use);
      onUse(use);
    });
  }

  private costOf({ model, tokens }: Metered): number | undefined {
    return costOf(this.prices, model, [tokens]);
  }
}
