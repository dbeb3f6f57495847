import { Inject, Injectable } from '@nestjs/common';
import type { AgentIdentity, ModelUse } from '@codex-mcp/contracts';
import { costOf, loadPrices, type ModelPrices, pricedModel } from '@codex-mcp/prices';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG } from '../gateway.tokens.js';
import { AskedRequest } from './asked-request.js';
import { type Metered, RequestMeter } from './request-meter.js';
import { UNKNOWN_MODEL } from './response-usage.reader.js';
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

  /** A meter for one answer, whose tokens are counted for `agent`, and told to `onUse`. `body`: the request, where it is kept. */
  meter(agent: AgentIdentity, body: Buffer | undefined, onUse: (use: ModelUse) => void): RequestMeter {
    const asked = new AskedRequest(body);
    return new RequestMeter(asked, (metered) => {
      const use = this.useOf(metered, asked);
      this.ledger.count(agent, use);
      this.metrics.observe(use);
      onUse(use);
    });
  }

  /** An answer that names no model is that of the model asked for, where that is one of the table: other names are anybody's to make up. */
  private useOf(metered: Metered, asked: AskedRequest): ModelUse {
    const model = metered.model === UNKNOWN_MODEL ? (pricedModel(this.prices, asked.model ?? '') ?? UNKNOWN_MODEL) : metered.model;
    return { ...metered, model, costUsd: costOf(this.prices, model, [metered.tokens]) };
  }
}
