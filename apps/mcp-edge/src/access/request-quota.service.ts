import { AppError } from '@codex-mcp/contracts';
import { RequestBudgets } from '@codex-mcp/messaging';
import { type Logger, sparingly } from '@codex-mcp/observability';
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Counter, type Registry } from 'prom-client';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER, METRICS, REDIS } from '../edge.tokens.js';

/** An edge fetches so much of a minute's requests at once: asking Redis for each would cost more than many of them. */
const SHARE = 1 / 120;
/** What an edge has fetched for tenants that have gone is forgotten beyond so many. */
const MAX_PURSES = 10_000;
const SAY_MS = 60_000;

/** What this edge has fetched and not spent. */
type Purse = { left: number; refusedUntilMs: number; filling?: Promise<void> | undefined };

/**
 * MAX_REQUESTS_PER_MINUTE, over all edges. Where Redis does not answer, or does not let this edge count, nobody is refused for it: without
 * Redis nothing is queued either, and a quota that nobody can look up must not be what ends the service. It is logged once a minute and counted.
 */
@Injectable()
export class RequestQuota {
  private readonly purses = new Map<string, Purse>();
  private readonly budgets: RequestBudgets;
  private readonly perMinute: number;
  private readonly batch: number;
  private readonly unchecked: Counter;
  private readonly sayUnchecked: (reason: string) => void;

  constructor(@Inject(REDIS) redis: Redis, @Inject(EDGE_CONFIG) { MAX_REQUESTS_PER_MINUTE }: EdgeConfig, @Inject(LOGGER) logger: Logger, @Inject(METRICS) metrics: Registry) {
    this.budgets = new RequestBudgets(redis);
    this.unchecked = new Counter({ name: 'codex_mcp_quota_unchecked_total', help: 'How often Redis did not say what a tenant may still ask for, and requests were let through', registers: [metrics] });
    this.sayUnchecked = sparingly(SAY_MS, (reason, times) => logger.error({ event: 'quota_unchecked', reason, times }, 'MAX_REQUESTS_PER_MINUTE holds nobody at the moment: Redis does not say what tenants have left'));
    this.perMinute = MAX_REQUESTS_PER_MINUTE;
    this.batch = Math.max(1, Math.floor(this.perMinute * SHARE));
  }

  /** Rejects with `too_many_requests`. Undefined where there is nothing to wait for, as nearly always. */
  spend(tenant: string, requests = 1): Promise<void> | undefined {
    if (this.perMinute === 0) return undefined;
    const purse = this.purseOf(tenant);
    if (purse.left < requests) return this.fetchAndSpend(tenant, purse, requests);
    purse.left -= requests;
    if (purse.left < this.batch / 2 && performance.now() >= purse.refusedUntilMs) void this.fill(tenant, purse, this.batch, 1);
    return undefined;
  }

  private async fetchAndSpend(tenant: string, purse: Purse, requests: number): Promise<void> {
    while (purse.left < requests) {
      if (performance.now() < purse.refusedUntilMs) throw tooMany(this.perMinute, purse.refusedUntilMs - performance.now());
      await this.fill(tenant, purse, Math.max(this.batch, requests), requests - purse.left);
    }
    purse.left -= requests;
  }

  /** Once at a time for each tenant. */
  private fill(tenant: string, purse: Purse, wanted: number, needed: number): Promise<void> {
    purse.filling ??= this.fetch(tenant, purse, wanted, needed).finally(() => (purse.filling = undefined));
    return purse.filling;
  }

  private async fetch(tenant: string, purse: Purse, wanted: number, needed: number): Promise<void> {
    const { granted, waitMs } = await this.budgets.take(tenant, this.perMinute, { wanted, needed }).catch((error: unknown) => this.grantUnchecked(error, wanted));
    purse.left += granted;
    if (granted < needed) purse.refusedUntilMs = performance.now() + Math.max(1, waitMs);
  }

  private grantUnchecked(error: unknown, granted: number): { granted: number; waitMs: number } {
    this.unchecked.inc();
    this.sayUnchecked(error instanceof Error ? error.message : String(error));
    return { granted, waitMs: 0 };
  }

  private purseOf(tenant: string): Purse {
    let purse = this.purses.get(tenant);
    if (!purse) {
      if (this.purses.size >= MAX_PURSES) this.purses.clear();
      purse = { left: 0, refusedUntilMs: 0 };
      this.purses.set(tenant, purse);
    }
    return purse;
  }
}

function tooMany(perMinute: number, waitMs: number): AppError {
  const retryAfterS = Math.ceil(waitMs / 1000);
  return new AppError('too_many_requests', `These are more than ${perMinute} requests a minute (MAX_REQUESTS_PER_MINUTE). Try again in ${retryAfterS} s, and wait for results with wait_s instead of asking often.`, { retryAfterS });
}
