import { type AgentIdentity, type AppError, type Budgets, dayOf } from '@codex-mcp/contracts';
import { type BudgetState, budgetStates, spentBudget, UsageStore } from '@codex-mcp/messaging';
import { Injectable } from '@nestjs/common';
import { beatsOf, ServiceStatus } from './service-status.service.js';

/** The budgets that gateways say they keep, and what of them is spent. */
@Injectable()
export class BudgetCheck {
  constructor(
    private readonly status: ServiceStatus,
    private readonly usage: UsageStore,
  ) {}

  /** The error that a turn of this agent would meet at its first model request; undefined where a gateway would let it pass. */
  async problem(agent: AgentIdentity): Promise<AppError | undefined> {
    const all = await this.all();
    if (all.length === 0 || all.includes(undefined)) return undefined;
    const now = Date.now();
    const spent = await this.usage.spent(agent, dayOf(now));
    const problems = all.map((budgets) => budgets && spentBudget(budgets, spent, agent, now));
    return problems.every((problem) => problem) ? problems[0] : undefined;
  }

  /** Those of an agent and its tenant today. */
  async states(agent: AgentIdentity): Promise<BudgetState[]> {
    const budgets = (await this.all()).find((one) => one);
    return budgets ? budgetStates(budgets, await this.usage.spent(agent, dayOf(Date.now()))) : [];
  }

  /** One for each gateway; undefined for one without. */
  private async all(): Promise<(Budgets | undefined)[]> {
    return beatsOf(await this.status.heartbeats(), 'gateway').map(({ budgets }) => budgets);
  }
}
