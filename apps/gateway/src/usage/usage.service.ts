import { Inject, Injectable } from '@nestjs/common';
import { ConfigError } from '@codex-mcp/config';
import type { AgentIdentity, ModelUse } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import { costOf, dearestCostOf, loadPrices, type ModelPrices, pricedModel } from '@codex-mcp/prices';
import { Afterwork } from '../afterwork.js';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { AskedRequest } from './asked-request.js';
import { type Metered, RequestMeter } from './request-meter.js';
import { UNKNOWN_MODEL } from './response-usage.reader.js';
import { UsageLedger } from './usage.ledger.js';
import { UsageMetrics } from './usage.metrics.js';

/** Meters what agents take of the model, where none of them has a say in it. */
@Injectable()
export class UsageService {
  private readonly prices: ModelPrices;
  private readonly countsDollars: boolean;
  private hasWarned = false;

  constructor(
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(UsageLedger) private readonly ledger: UsageLedger,
    @Inject(UsageMetrics) private readonly metrics: UsageMetrics,
    @Inject(Afterwork) private readonly afterwork: Afterwork,
  ) {
    this.prices = loadPrices(config.MODEL_PRICES_FILE);
    this.countsDollars = config.BUDGET_AGENT_USD > 0 || config.BUDGET_TENANT_USD > 0;
    if (this.countsDollars && Object.keys(this.prices).length === 0) throw new ConfigError('MODEL_PRICES_FILE has no price, so that no budget in dollars could be kept. Give a price, or take BUDGET_AGENT_USD and BUDGET_TENANT_USD away.');
  }

  /** A meter for one answer, whose tokens are counted for `agent`, and told to `onUse`. `body`: the request, where it is kept. */
  meter(agent: AgentIdentity, body: Buffer | undefined, onUse: (use: ModelUse) => void): RequestMeter {
    const asked = new AskedRequest(body);
    const onMetered = (metered: Metered) => {
      const use = this.useOf(metered, asked);
      this.ledger.count(agent, use);
      onUse(use);
      this.afterwork.later(() => this.metrics.observe(use));
    };
    return new RequestMeter(asked, onMetered, (work) => this.afterwork.later(work));
  }

  /** An answer that names no model is that of the model asked for, where that is one of the table: other names are anybody's to make up. */
  private useOf(metered: Metered, asked: AskedRequest): ModelUse {
    const model = metered.model === UNKNOWN_MODEL ? (pricedModel(this.prices, asked.model ?? '') ?? UNKNOWN_MODEL) : metered.model;
    const costUsd = costOf(this.prices, model, [metered.tokens]);
    if (costUsd !== undefined) return { ...metered, model, costUsd };
    this.warnOfUnpriced(model);
    return { ...metered, model, costUsd, chargedUsd: dearestCostOf(this.prices, [metered.tokens]) };
  }

  private warnOfUnpriced(model: string): void {
    if (this.hasWarned || !this.countsDollars) return;
    this.hasWarned = true;
    this.logger.warn({ model }, 'a model without a price counts towards budgets in dollars as the dearest one of the table; MODEL_PRICES_FILE can give it a price');
  }
}
