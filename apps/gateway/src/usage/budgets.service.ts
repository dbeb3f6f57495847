import { Inject, Injectable } from '@nestjs/common';
import type { AgentIdentity, Budgets } from '@codex-mcp/contracts';
import { spentBudget } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import type { GatewayConfig } from '../gateway.config.js';
import { GATEWAY_CONFIG, LOGGER } from '../gateway.tokens.js';
import { UsageLedger } from './usage.ledger.js';

/** What an agent, and all of a tenant's together, may take of the model on one day (UTC). */
@Injectable()
export class BudgetsService {
  /** Undefined where there are none. */
  readonly budgets: Budgets | undefined;

  constructor(
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(UsageLedger) private readonly ledger: UsageLedger,
  ) {
    const { BUDGET_AGENT_TOKENS: agentTokens, BUDGET_AGENT_USD: agentUsd, BUDGET_TENANT_TOKENS: tenantTokens, BUDGET_TENANT_USD: tenantUsd } = config;
    const set = Object.entries({ agentTokens, agentUsd, tenantTokens, tenantUsd }).filter(([, limit]) => limit > 0);
    if (agentTokens + agentUsd > 0 && tenantTokens + tenantUsd === 0) logger.warn('agents have a budget and tenants have none: callers invent agent ids, so that only BUDGET_TENANT_TOKENS or BUDGET_TENANT_USD bounds what one spends');
    this.budgets = set.length > 0 ? Object.fromEntries(set) : undefined;
  }

  /** Why the agent may ask no more today; undefined where it may. Requests that are being answered count when they are. */
  async refusal(agent: AgentIdentity): Promise<string | undefined> {
    return this.budgets && spentBudget(this.budgets, await this.ledger.spent(agent), agent, Date.now())?.message;
  }
}
