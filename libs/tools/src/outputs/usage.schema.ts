import { z } from 'zod';

const count = () => z.int().nonnegative();

/** What model requests took together. */
export const usageSums = {
  requests: count(),
  input_tokens: count(),
  cached_input_tokens: count(),
  output_tokens: count(),
  reasoning_tokens: count(),
  cost_usd: z.number().nonnegative().describe('At the prices of the API, or of MODEL_PRICES_FILE; a ChatGPT sign-in is not charged for it'),
  estimated_requests: count().optional().describe('Those whose answer broke off: their tokens are estimated'),
  unpriced_requests: count().optional().describe('Those of models whose price is not known; they are not in cost_usd'),
};

const UsageSums = z.object(usageSums);
export type UsageSums = z.infer<typeof UsageSums>;
