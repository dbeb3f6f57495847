import { type AgentIdentity, daysUntil } from '@codex-mcp/contracts';
import { budgetsResetAt, UsageStore, type UsageRow } from '@codex-mcp/messaging';
import type { ArgumentsOf, MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { BudgetCheck } from '../invocation/budget-check.service.js';

type GetUsage = (typeof MANAGEMENT_TOOLS)['get_usage'];
type Row = OutputOf<GetUsage>['rows'][number];

const DEFAULT_DAYS = 7;
const MAX_ROWS = 100;

/** The tool `get_usage`: what gateways have counted of a tenant's agents. */
@Injectable()
export class UsageReport {
  constructor(
    private readonly usage: UsageStore,
    private readonly budgets: BudgetCheck,
  ) {}

  /** `agent`: whose budgets are told. `only`: the agent that the rest is limited to. */
  async report(agent: AgentIdentity, only: string | undefined, { days = DEFAULT_DAYS, by = 'day' }: Pick<ArgumentsOf<GetUsage>, 'days' | 'by'>): Promise<OutputOf<GetUsage>> {
    const asked = daysUntil(Date.now(), days);
    const counted = (await this.usage.read(agent.tenant, asked)).filter((row) => only === undefined || row.agentId === only);
    const rows = [...grouped(counted, by)].map(([name, group]): Row => ({ name, ...sumsOf(group) }));
    const sorted = by === 'day' ? rows.toSorted((one, other) => other.name.localeCompare(one.name)) : rows.toSorted((one, other) => tokensOf(other) - tokensOf(one)).slice(0, MAX_ROWS);
    const budgets = await this.budgets.states(agent);
    return { since: asked.at(-1) ?? '', until: asked[0] ?? '', total: sumsOf(counted), rows: sorted, ...(budgets.length > 0 && { budgets, budgets_reset_at: budgetsResetAt(Date.now()) }) };
  }
}

function grouped(counted: readonly UsageRow[], by: 'day' | 'agent' | 'model'): Map<string, UsageRow[]> {
  const groups = new Map<string, UsageRow[]>();
  for (const row of counted) {
    const name = { day: row.day, agent: row.agentId, model: row.model }[by];
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  return groups;
}

const tokensOf = ({ input_tokens: input, output_tokens: output }: Row): number => input + output;

function sumsOf(rows: readonly UsageRow[]): Omit<Row, 'name'> {
  const sum = (count: (row: UsageRow) => number): number => rows.reduce((total, row) => total + count(row), 0);
  const [estimated, unpriced] = [sum((row) => row.estimated), sum((row) => row.unpriced)];
  return {
    requests: sum((row) => row.requests),
    input_tokens: sum((row) => row.input),
    cached_input_tokens: sum((row) => row.cached),
    output_tokens: sum((row) => row.output),
    reasoning_tokens: sum((row) => row.reasoning),
    cost_usd: Number(sum((row) => row.costUsd).toFixed(6)),
    ...(estimated > 0 && { estimated_requests: estimated }),
    ...(unpriced > 0 && { unpriced_requests: unpriced }),
  };
}
