import type { UsageSums } from '../outputs/usage.schema.js';
import { blocks, bullets, table } from './markdown.js';

type Budget = { scope: 'agent' | 'tenant'; unit: 'tokens' | 'usd'; limit: number; spent: number };
type Usage = { since: string; until: string; total: UsageSums; rows: readonly (UsageSums & { name: string })[]; budgets?: readonly Budget[] | undefined; budgets_reset_at?: string | undefined };

const HEADINGS = ['', 'requests', 'input', 'cached', 'output', 'reasoning', 'USD'];

/** Usage as a table with its sum; what is estimated or has no price is said below it. */
export function usageText({ since, until, total, rows, budgets, budgets_reset_at: reset }: Usage): string {
  const left = bullets(budgets?.map(({ scope, unit, limit, spent }) => `Today's budget of the ${scope}: ${spent} of ${limit} ${unit}${reset ? ` until ${reset}` : ''}`));
  if (total.requests === 0) return blocks(`No model requests from ${since} to ${until}.`, left);
  const lines = [...rows, { name: 'total', ...total }].map((row) => [row.name, ...[row.requests, row.input_tokens, row.cached_input_tokens, row.output_tokens, row.reasoning_tokens].map(String), row.cost_usd.toFixed(4)]);
  return blocks(table(HEADINGS, lines), note(total.estimated_requests, 'broke off; their tokens are estimated.'), note(total.unpriced_requests, 'went to models whose price is not known.'), left);
}

const note = (requests: number | undefined, words: string): string | undefined => (requests ? `${requests} requests ${words}` : undefined);
