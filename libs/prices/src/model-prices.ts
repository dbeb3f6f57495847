import { readFileSync } from 'node:fs';
import { ConfigError, optionalText } from '@codex-mcp/config';
import { z } from 'zod';

const price = () => z.number().nonnegative();

/** US dollars for a million tokens. */
const ModelPrice = z.strictObject({
  input: price(),
  cached_input: price(),
  /** Of input that is kept for later requests; where it has no price of its own, that of other input. */
  cache_write: price().optional(),
  /** Reasoning included. */
  output: price(),
  /** A request with more input than this costs so many times as much, as a whole. */
  long_context: z.strictObject({ above: z.int().positive(), input_factor: price(), output_factor: price() }).optional(),
});
type ModelPrice = z.infer<typeof ModelPrice>;

const Prices = z.record(z.string(), ModelPrice);
export type ModelPrices = Readonly<Record<string, ModelPrice>>;

const LONG = { above: 272_000, input_factor: 2, output_factor: 1.5 };

/** OpenAI's list prices of November 2026, standard processing (developers.openai.com/api/docs/pricing). */
export const LIST_PRICES: ModelPrices = {
  'gpt-6.1-sol': { input: 2, cached_input: 0.1, cache_write: 2.5, output: 10, long_context: LONG },
  'gpt-6-sol': { input: 2, cached_input: 0.2, cache_write: 2.5, output: 10, long_context: LONG },
  'gpt-6-luna': { input: 0.1, cached_input: 0.01, cache_write: 0.125, output: 0.5, long_context: LONG },
  'gpt-5.6-luna': { input: 0.2, cached_input: 0.02, cache_write: 0.25, output: 1.2, long_context: LONG },
  'gpt-5.5': { input: 5, cached_input: 0.5, output: 30, long_context: LONG },
};

/** MODEL_PRICES_FILE in the environment of whoever tells costs. */
export const modelPricesField = () =>
  optionalText().describe('JSON file with the prices of models, in place of the list prices that costs are told by: {"gpt-6.1-sol": {"input": 2, "cached_input": 0.1, "output": 10}}, in dollars for a million tokens');

/** The operator's table, a JSON object of models, in place of the list prices. Throws ConfigError where it cannot be used. */
export function loadPrices(path: string | undefined): ModelPrices {
  if (path === undefined) return LIST_PRICES;
  try {
    return Prices.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new ConfigError(`MODEL_PRICES_FILE cannot be used (${path}): ${why}\nIt holds for each model dollars for a million tokens: {"gpt-6.1-sol": {"input": 2, "cached_input": 0.1, "output": 10}}`);
  }
}

/** Tokens of one request to the model; cached ones and those that were kept are part of the input. */
export type RequestTokens = { input: number; cached: number; cacheWrites: number; output: number };

/** The model's service names a dated version where it was asked for the model. */
const DATED = /-\d{4}-\d{2}-\d{2}$/;

/** The table's name for a model: its own, or that of the model that it is a dated version of. Undefined where there is none. */
export const pricedModel = (prices: ModelPrices, model: string): string | undefined => [model, model.replace(DATED, '')].find((candidate) => Object.hasOwn(prices, candidate));

/** What requests cost together; undefined for a model without a price. */
export function costOf(prices: ModelPrices, model: string, requests: readonly RequestTokens[]): number | undefined {
  const name = pricedModel(prices, model);
  const own = name === undefined ? undefined : prices[name];
  if (!own) return undefined;
  const dollars = requests.reduce((sum, tokens) => sum + requestCost(own, tokens), 0) / 1_000_000;
  return Number(dollars.toFixed(6));
}

/** What requests cost at the most, whichever of the table's models answers them; 0 for an empty table. */
export const dearestCostOf = (prices: ModelPrices, requests: readonly RequestTokens[]): number => Math.max(0, ...Object.keys(prices).map((model) => costOf(prices, model, requests) ?? 0));

function requestCost(own: ModelPrice, { input, cached, cacheWrites, output }: RequestTokens): number {
  const long = own.long_context && input > own.long_context.above ? own.long_context : { input_factor: 1, output_factor: 1 };
  const plain = input - cached - cacheWrites;
  return (plain * own.input + cached * own.cached_input + cacheWrites * (own.cache_write ?? own.input)) * long.input_factor + output * own.output * long.output_factor;
}
