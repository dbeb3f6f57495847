import type { AgentIdentity } from '@codex-mcp/contracts';
import type { Spent, SpentOfAgent } from '@codex-mcp/messaging';

const NOTHING: Spent = { tokens: 0, usd: 0 };

const combine = (one: SpentOfAgent, other: SpentOfAgent, sign: 1 | -1): SpentOfAgent => {
  const sum = (a: Spent, b: Spent): Spent => ({ tokens: a.tokens + sign * b.tokens, usd: a.usd + sign * b.usd });
  return { agent: sum(one.agent, other.agent), tenant: sum(one.tenant, other.tenant) };
};

export const plus = (one: SpentOfAgent, other: SpentOfAgent): SpentOfAgent => combine(one, other, 1);
export const minus = (one: SpentOfAgent, other: SpentOfAgent): SpentOfAgent => combine(one, other, -1);

/** Sums of one day by agent and by tenant. */
export class DaySums {
  private readonly agents = new Map<string, Spent>();
  private readonly tenants = new Map<string, Spent>();

  of({ key, tenant }: AgentIdentity): SpentOfAgent {
    return { agent: this.agents.get(key) ?? NOTHING, tenant: this.tenants.get(tenant) ?? NOTHING };
  }

  set({ key, tenant }: AgentIdentity, spent: SpentOfAgent): void {
    this.agents.set(key, spent.agent);
    this.tenants.set(tenant, spent.tenant);
  }
}
