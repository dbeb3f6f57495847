import { AppError } from '@codex-mcp/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import type { Principal } from './principal.js';
import { TokensFile } from './tokens-file.service.js';

const RETRY_AFTER_S = 5;

/** What is being answered, by whose it is: it ends with the right to it, and there is a most of it for each tenant. Turns go on; they are the tenant's. */
@Injectable()
export class OpenRequests {
  private readonly of = new Map<string, Set<Response>>();
  private readonly counts = new Map<string, number>();

  constructor(
    tokens: TokensFile,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {
    tokens.onEnded((principals) => {
      for (const id of principals) for (const response of this.of.get(id) ?? []) response.destroy();
    });
  }

  /** Throws `too_many_requests` where the tenant has MAX_OPEN_REQUESTS at this edge. */
  track({ id, tenant }: Principal, response: Response): void {
    if (response.destroyed) return; // it will not close again
    const count = this.counts.get(tenant) ?? 0;
    const { MAX_OPEN_REQUESTS: max } = this.config;
    if (max > 0 && count >= max) {
      throw new AppError('too_many_requests', `${count} requests and streams of yours are open here, as many as may be at a time (MAX_OPEN_REQUESTS). Close some, or try again later.`, { retryAfterS: RETRY_AFTER_S });
    }
    const open = this.of.get(id) ?? new Set();
    this.of.set(id, open.add(response));
    this.counts.set(tenant, count + 1);
    response.once('close', () => {
      open.delete(response);
      if (open.size === 0) this.of.delete(id);
      this.left(tenant);
    });
  }

  private left(tenant: string): void {
    const count = (this.counts.get(tenant) ?? 1) - 1;
    if (count === 0) this.counts.delete(tenant);
    else this.counts.set(tenant, count);
  }
}
