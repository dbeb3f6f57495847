import { AppError } from '@codex-mcp/contracts';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import type { Principal } from './principal.js';
import { TokensFile } from './tokens-file.service.js';

const RETRY_AFTER_S = 5;
const LOOK_MS = 1000;

/** Of one principal. */
type Open = { expiresAtMs: number; readonly responses: Set<Response> };

/** What is being answered, by whose it is: it ends with the right to it, and there is a most of it for each tenant. Turns go on; they are the tenant's. */
@Injectable()
export class OpenRequests implements BeforeApplicationShutdown {
  private readonly of = new Map<string, Open>();
  private readonly counts = new Map<string, number>();
  private readonly listening = new WeakSet<Response>();
  private readonly timer = setInterval(() => this.endExpired(), LOOK_MS).unref();

  constructor(
    tokens: TokensFile,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {
    tokens.onEnded((principals) => {
      for (const id of principals) for (const response of this.of.get(id)?.responses ?? []) response.destroy();
    });
  }

  /** The principal's latest token counts for all that it has open. Throws `too_many_requests` where the tenant has MAX_OPEN_REQUESTS at this edge. */
  track({ id, tenant, expiresAtMs = Number.POSITIVE_INFINITY }: Principal, { method }: Request, response: Response): void {
    if (response.destroyed) return; // it will not close again
    const count = this.counts.get(tenant) ?? 0;
    const { MAX_OPEN_REQUESTS: max } = this.config;
    if (max > 0 && count >= max) {
      throw new AppError('too_many_requests', `${count} requests and streams of yours are open here, as many as may be at a time (MAX_OPEN_REQUESTS). Close some, or try again later.`, { retryAfterS: RETRY_AFTER_S });
    }
    const open = this.of.get(id) ?? { expiresAtMs, responses: new Set<Response>() };
    open.expiresAtMs = Math.max(open.expiresAtMs, expiresAtMs);
    open.responses.add(response);
    if (method === 'GET') this.listens(response);
    this.of.set(id, open);
    this.counts.set(tenant, count + 1);
    response.once('close', () => {
      open.responses.delete(response);
      if (open.responses.size === 0) this.of.delete(id);
      this.left(tenant);
    });
  }

  /** The request is no call, but asks to be told of what happens: its answer ends with the token, as that of every GET does. */
  listens(response: Response): void {
    this.listening.add(response);
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Streams to listen on, that is: a call that began in time may end. Its client comes back with a new token. */
  private endExpired(): void {
    for (const { expiresAtMs, responses } of this.of.values()) {
      if (expiresAtMs > Date.now()) continue;
      for (const response of responses) if (this.listening.has(response)) response.destroy();
    }
  }

  private left(tenant: string): void {
    const count = (this.counts.get(tenant) ?? 1) - 1;
    if (count === 0) this.counts.delete(tenant);
    else this.counts.set(tenant, count);
  }
}
