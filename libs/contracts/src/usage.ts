import { z } from 'zod';

/** What may be taken of the model on one day (UTC), by one agent and by all of a tenant together. Absent: any number. */
export const Budgets = z.object({ agentTokens: z.number(), agentUsd: z.number(), tenantTokens: z.number(), tenantUsd: z.number() }).partial();
export type Budgets = z.infer<typeof Budgets>;

/** Tokens of model requests. Cached ones and those written to the cache are part of the input, reasoning is part of the output. */
export type ModelTokens = { readonly input: number; readonly cached: number; readonly cacheWrites: number; readonly output: number; readonly reasoning: number };

/** What one model request took, as the gateway counts it. */
export type ModelUse = {
  readonly model: string;
  readonly tokens: ModelTokens;
  /** US dollars at list prices, or those of MODEL_PRICES_FILE; undefined for a model without a price. */
  readonly costUsd: number | undefined;
  /** What counts towards budgets in dollars where `costUsd` is undefined. */
  readonly chargedUsd?: number;
  /** The answer broke off before it told its tokens: those that passed are counted. */
  readonly isEstimated: boolean;
};

/** A day in UTC, as in 2026-11-22. */
export const dayOf = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 10);

export const DAY_MS = 24 * 3600 * 1000;

/** The days up to the one of `epochMs`, the latest first. */
export const daysUntil = (epochMs: number, count: number): string[] => Array.from({ length: count }, (_, ago) => dayOf(epochMs - ago * DAY_MS));
