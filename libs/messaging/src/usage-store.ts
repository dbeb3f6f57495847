import { type AgentIdentity, DAY_MS, type ModelUse } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { keys } from './keys.js';
import { LuaScript } from './lua-script.js';

/** So long a day's usage is kept. */
export const USAGE_RETENTION_DAYS = 90;

/** Costs are counted in whole billionths of a dollar, which Redis adds without error. */
const NANO = 1_000_000_000;
const nano = (usd: number): number => Math.round(usd * NANO);

const COUNTERS = ['requests', 'estimated', 'unpriced', 'input', 'cached', 'output', 'reasoning', 'cost'] as const;
type Counter = (typeof COUNTERS)[number];

/** Sums over requests; `costUsd` leaves out those of models without a price, which `unpriced` counts. */
export type UsageCounts = Readonly<Record<Exclude<Counter, 'cost'>, number>> & { readonly costUsd: number };
export type UsageRow = UsageCounts & { readonly day: string; readonly agentId: string; readonly model: string };

/** What counts towards a budget: all input and output, and its price. */
export type Spent = { readonly tokens: number; readonly usd: number };
export type SpentOfAgent = { readonly agent: Spent; readonly tenant: Spent };

/** One counter of a tenant's day and what is added to it. */
export type Increment = { readonly tenant: string; readonly day: string; readonly field: string; readonly by: number };

/** An agent's id holds no tab; the model's name comes last. */
const field = (...parts: string[]): string => parts.join('\t');
const SPENT_TOKENS = '=tokens';
const SPENT_COST = '=cost';

/** One command costs the gateway less than one for each counter. KEYS hashes. ARGV seconds that they are kept, then for each counter: its hash's number, field, increment. */
const addCounters = new LuaScript(`
for at = 2, #ARGV, 3 do redis.call('HINCRBY', KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2]) end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
return 0
`);

/** The counters that a request of `agent` adds to. */
export function incrementsOf({ tenant, agentId }: AgentIdentity, day: string, { model, tokens, costUsd, chargedUsd, isEstimated }: ModelUse): Increment[] {
  const counted: Record<Counter, number> = { requests: 1, estimated: Number(isEstimated), unpriced: Number(costUsd === undefined), input: tokens.input, cached: tokens.cached, output: tokens.output, reasoning: tokens.reasoning, cost: nano(costUsd ?? 0) };
  const own = COUNTERS.map((counter) => ({ field: field(counter, agentId, model), by: counted[counter] }));
  const spent = tokens.input + tokens.output;
  const totals = [[], [agentId]].flatMap((of) => [{ field: field(SPENT_TOKENS, ...of), by: spent }, { field: field(SPENT_COST, ...of), by: nano(costUsd ?? chargedUsd ?? 0) }]);
  return [...own, ...totals].filter(({ by }) => by !== 0).map((increment) => ({ tenant, day, ...increment }));
}

/** What one use adds to the sums that budgets bound. */
export function spentBy({ tokens, costUsd, chargedUsd }: ModelUse): SpentOfAgent {
  const spent = { tokens: tokens.input + tokens.output, usd: nano(costUsd ?? chargedUsd ?? 0) / NANO };
  return { agent: spent, tenant: spent };
}

/** What of the increments counts towards the budgets of an agent and its tenant on that day. */
export function spentIn(increments: readonly Increment[], { tenant, agentId }: AgentIdentity, day: string): SpentOfAgent {
  const sum = (name: string) => increments.reduce((total, one) => (one.field === name && one.tenant === tenant && one.day === day ? total + one.by : total), 0);
  return spentOf(spentFields(agentId).map(sum));
}

const spentFields = (agentId: string): string[] => [field(SPENT_TOKENS, agentId), field(SPENT_COST, agentId), SPENT_TOKENS, SPENT_COST];
const spentOf = ([agentTokens = 0, agentCost = 0, tokens = 0, cost = 0]: number[]): SpentOfAgent => ({ agent: { tokens: agentTokens, usd: agentCost / NANO }, tenant: { tokens, usd: cost / NANO } });

/** What agents took of the model, by tenant and day (UTC). Written by gateways, read by edges. */
export class UsageStore {
  constructor(private readonly redis: Redis) {}

  /** All or nothing. */
  async add(increments: readonly Increment[]): Promise<void> {
    const places = [...new Set(increments.map(({ tenant, day }) => keys.usage(tenant, day)))];
    const counters = increments.flatMap(({ tenant, day, field: name, by }) => [places.indexOf(keys.usage(tenant, day)) + 1, name, by]);
    await addCounters.run(this.redis, places, [(USAGE_RETENTION_DAYS * DAY_MS) / 1000, ...counters]);
  }

  async spent({ tenant, agentId }: AgentIdentity, day: string): Promise<SpentOfAgent> {
    const values = await this.redis.hmget(keys.usage(tenant, day), ...spentFields(agentId));
    return spentOf(values.map(Number));
  }

  /** A tenant's usage of these days, agent by agent and model by model. */
  async read(tenant: string, days: readonly string[]): Promise<UsageRow[]> {
    const found = await Promise.all(days.map(async (day) => ({ day, counters: await this.redis.hgetall(keys.usage(tenant, day)) })));
    return found.flatMap(({ day, counters }) => rowsOf(day, counters));
  }
}

function rowsOf(day: string, counters: Readonly<Record<string, string>>): UsageRow[] {
  const rows = new Map<string, { agentId: string; model: string; counts: Partial<Record<string, number>> }>();
  for (const [name, value] of Object.entries(counters)) {
    const [counter = '', agentId, model] = name.split('\t');
    if (agentId === undefined || model === undefined) continue;
    const key = field(agentId, model);
    const row = rows.get(key) ?? { agentId, model, counts: {} };
    row.counts[counter] = Number(value);
    rows.set(key, row);
  }
  return [...rows.values()].map(({ agentId, model, counts }) => {
    const { requests = 0, estimated = 0, unpriced = 0, input = 0, cached = 0, output = 0, reasoning = 0, cost = 0 } = counts;
    return { day, agentId, model, requests, estimated, unpriced, input, cached, output, reasoning, costUsd: cost / NANO };
  });
}
