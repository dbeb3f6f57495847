import { PLACEMENTS_QUEUE, type TurnJob, TURNS_QUEUE } from '@codex-mcp/contracts';
import { AgentStore, ApprovalStore, Envelopes, QUEUE_PREFIX, ThreadStore, TurnDispatcher, TurnLogReader, TurnStore, UsageStore } from '@codex-mcp/messaging';
import { AuditLog, type Logger } from '@codex-mcp/observability';
import { BullModule, getQueueToken } from '@nestjs/bullmq';
import { Inject, Module } from '@nestjs/common';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { EdgeConfig } from './edge.config.js';
import { EDGE_CONFIG, LOGGER, REDIS, REDIS_SUBSCRIBER } from './edge.tokens.js';
import { noteUnreadable } from './http/unreadable-entries.js';

const queueOptions = (redis: Redis) => ({ connection: redis, prefix: QUEUE_PREFIX });

const queues = BullModule.registerQueueAsync(
  { name: TURNS_QUEUE, inject: [REDIS], useFactory: queueOptions },
  { name: PLACEMENTS_QUEUE, inject: [REDIS], useFactory: queueOptions },
);

/** Queues, turns and agents, over the two connections to Redis that this process has. */
@Module({
  imports: [queues],
  providers: [
    { provide: Envelopes, inject: [EDGE_CONFIG], useFactory: (config: EdgeConfig) => Envelopes.from(config.ENVELOPE_KEYS_DIR, 'mcp-edge') },
    {
      provide: TurnStore,
      inject: [REDIS, EDGE_CONFIG, Envelopes],
      useFactory: (redis: Redis, config: EdgeConfig, envelopes: Envelopes) => new TurnStore(redis, { retentionMs: config.TURN_RETENTION, maxFinished: config.MAX_FINISHED_TURNS }, envelopes),
    },
    { provide: AgentStore, inject: [REDIS], useFactory: (redis: Redis) => new AgentStore(redis) },
    {
      provide: ApprovalStore,
      inject: [REDIS, Envelopes, AuditLog],
      useFactory: (redis: Redis, envelopes: Envelopes, audit: AuditLog) =>
        new ApprovalStore(redis, envelopes, (flaw, approvalId) => audit.record({ action: 'envelope.refused', outcome: 'refused', detail: { what: 'approval', approvalId, flaw } })),
    },
    { provide: ThreadStore, inject: [REDIS], useFactory: (redis: Redis) => new ThreadStore(redis) },
    { provide: UsageStore, inject: [REDIS], useFactory: (redis: Redis) => new UsageStore(redis) },
    {
      provide: TurnLogReader,
      inject: [REDIS_SUBSCRIBER, REDIS, LOGGER],
      useFactory: (subscriber: Redis, redis: Redis, logger: Logger) => {
        const note = noteUnreadable(logger);
        return new TurnLogReader(subscriber, redis, (stream, id) => note({ stream, id }));
      },
    },
    { provide: TurnDispatcher, inject: [getQueueToken(TURNS_QUEUE), TurnStore], useFactory: (queue: Queue<TurnJob>, turns: TurnStore) => new TurnDispatcher(queue, turns) },
  ],
  exports: [queues, Envelopes, TurnStore, AgentStore, ApprovalStore, ThreadStore, UsageStore, TurnLogReader, TurnDispatcher],
})
export class MessagingModule {
  constructor(@Inject(getQueueToken(TURNS_QUEUE)) turns: Queue, @Inject(getQueueToken(PLACEMENTS_QUEUE)) placements: Queue) {
    // Each command reports its own failure; unheard, BullMQ prints every lost connection.
    for (const queue of [turns, placements]) queue.on('error', () => undefined);
  }
}
