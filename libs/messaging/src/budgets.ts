import { AppError, type AgentIdentity, type Budgets, DAY_MS, dayOf } from '@codex-mcp/contracts';
import type { SpentOfAgent } from './usage-store.js';

/** A budget of a day, and what of it is spent. `usd` where it is not in tokens. */
export type BudgetState = { readonly scope: 'agent' | 'tenant'; readonly unit: 'tokens' | 'usd'; readonly limit: number; readonly spent: number };

/** The budgets that there are for an agent, the agent's own first. */
export function budgetStates({ agentTokens, agentUsd, tenantTokens, tenantUsd }: Budgets, { agent, tenant }: SpentOfAgent): BudgetState[] {
  const all = [
    { scope: 'agent', unit: 'tokens', limit: agentTokens, spent: agent.tokens },
    { scope: 'agent', unit: 'usd', limit: agentUsd, spent: agent.usd },
    { scope: 'tenant', unit: 'tokens', limit: tenantTokens, spent: tenant.tokens },
    { scope: 'tenant', unit: 'usd', limit: tenantUsd, spent: tenant.usd },
  ] as const;
  return all.flatMap(({ limit, ...state }) => (limit === undefined ? [] : [{ ...state, limit }]));
}

/** When budgets begin anew, in ISO 8601. */
export const budgetsResetAt = (nowMs: number): string => `${dayOf(nowMs + DAY_MS)}T00:00:00Z`;

/** The error that a spent budget is for its agent and for who calls it; undefined where all have something left. */
export function spentBudget(budgets: Budgets, spent: SpentOfAgent, { agentId }: AgentIdentity, nowMs: number): AppError | undefined {
  const state = budgetStates(budgets, spent).find((one) => one.spent >= one.limit);
  if (!state) return undefined;
  const whose = state.scope === 'agent' ? `of agent "${agentId}"` : 'of all your agents together';
  const variable = `BUDGET_${state.scope.toUpperCase()}_${state.unit.toUpperCase()}`;
  return new AppError('budget_exceeded', `Today's budget ${whose} is spent: ${amount(state.spent, state.unit)} of ${amount(state.limit, state.unit)} (${variable}). It begins anew at ${budgetsResetAt(nowMs)}. Call again then, or have the operator raise it.`);
}

const amount = (value: number, unit: BudgetState['unit']): string => (unit === 'usd' ? `$${value.toFixed(value < 1 ? 4 : 2)}` : `${value} tokens`);
