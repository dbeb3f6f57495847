import type { UsageSums } from '../outputs/usage.schema.js';
import { blocks, table } from './markdown.js';

type Usage = { since: string; until: string; total: UsageSums; rows: readonly (UsageSums & { name: string })[] };

const HEADINGS = ['', 'requests', 'input', 'cached', 'output', 'reasoning', 'USD'];

/** Usage as a table with its sum; what is estimated or has no price is said below it. */
export function usageText({ since, until, total, rows }: Usage): string {
  if (total.requests === 0) return `No model requests from ${since} to ${until}.`;
  const lines = [...rows, { name: 'total', ...total }].map((row) => [row.name, ...[row.requests, row.input_tokens, row.cached_input_tokens, row.output_tokens, row.reasoning_tokens].map(String), row.cost_usd.toFixed(4)]);
  return blocks(table(HEADINGS, lines), note(total.estimated_requests, 'broke off; their tokens are estimated.'), note(total.unpriced_requests, 'went to models whose price is not known.'));
}

const note = (requests: number | undefined, words: string): string | undefined => (requests ? `${requests} requests ${words}` : undefined);
