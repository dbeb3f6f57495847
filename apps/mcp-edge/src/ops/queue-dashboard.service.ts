import { APPROVALS_QUEUE, PLACEMENTS_QUEUE, supervisorQueueName, TURNS_QUEUE } from '@codex-mcp/contracts';
import { QUEUE_PREFIX } from '@codex-mcp/messaging';
import { getQueueToken } from '@nestjs/bullmq';
import { Inject, Injectable } from '@nestjs/common';
import { Queue } from 'bullmq';
import type { Express, RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, REDIS } from '../edge.tokens.js';
import { beatsOf, ServiceStatus } from '../invocation/service-status.service.js';

export const DASHBOARD_ROUTE = '/ops/queues';

type Board = { readonly handle: RequestHandler; add(queue: Queue): void };

/** Bull Board over all queues, read-only. It is loaded when somebody first looks: most processes never show it. */
@Injectable()
export class QueueDashboard {
  private board: Promise<Board> | undefined;
  private readonly shown = new Set<string>();

  constructor(
    @Inject(getQueueToken(TURNS_QUEUE)) private readonly turns: Queue,
    @Inject(getQueueToken(PLACEMENTS_QUEUE)) private readonly placements: Queue,
    @Inject(REDIS) private readonly redis: Redis,
    private readonly status: ServiceStatus,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {}

  readonly handle: RequestHandler = (request, response, next) => {
    this.board ??= loadBoard();
    Promise.all([this.board, this.status.heartbeats()]).then(([board, beats]) => {
      this.show(board, [this.turns, this.placements]);
      const others = [...beatsOf(beats, 'supervisor').map(({ supervisorId }) => supervisorQueueName(supervisorId)), ...(this.config.approvalWebhook ? [APPROVALS_QUEUE] : [])];
      const missing = others.filter((name) => !this.shown.has(name));
      this.show(board, missing.map((name) => new Queue(name, { connection: this.redis, prefix: QUEUE_PREFIX })));
      return board.handle(request, response, next);
    }, next);
  };

  private show(board: Board, queues: Queue[]): void {
    for (const queue of queues) {
      if (this.shown.has(queue.name)) continue;
      this.shown.add(queue.name);
      queue.on('error', () => undefined);
      board.add(queue);
    }
  }
}

// @bull-board/nestjs requires Nest by require(), which Nest 12 (ESM only) does not serve everywhere.
async function loadBoard(): Promise<Board> {
  const [{ createBullBoard }, { BullMQAdapter }, { ExpressAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/express'),
  ]);
  const serverAdapter = new ExpressAdapter().setBasePath(DASHBOARD_ROUTE);
  const board = createBullBoard({ queues: [], serverAdapter, options: { uiConfig: { boardTitle: 'codex-mcp' } } });
  return {
    handle: (serverAdapter.getRouter() as Express).disable('x-powered-by'),
    add: (queue) => board.addQueue(new BullMQAdapter(queue, { readOnlyMode: true })),
  };
}
