import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { BullModule, getQueueToken } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { newToken, type TurnJob, TURNS_QUEUE } from '@codex-mcp/contracts';
import { AgentHalts, AgentStore, ApprovalStore, ConsumptionWatch, createRedis, createSubscriber, Envelopes, type Lease, ModelWaits, QUEUE_PREFIX, ThreadStore, TurnControl, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { AuditLog, createMetrics, type Logger } from '@codex-mcp/observability';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { AgentSessions } from './agents/agent-sessions.js';
import { PlacementClient } from './agents/placement.client.js';
import { loadPrices } from '@codex-mcp/prices';
import { LooksBeside } from './turns/looks-beside.js';
import { TurnApprovals } from './turns/turn-approvals.js';
import { TurnSteering } from './turns/turn-steering.js';
import { TurnStops } from './turns/turn-stops.js';
import { TurnWaits } from './turns/turn-waits.js';
import { TurnExecution } from './turns/turn-execution.js';
import { TurnRunner } from './turns/turn.runner.js';
import { TurnsProcessor } from './turns/turns.processor.js';
import type { WorkerConfig } from './worker.config.js';
import { WorkerService } from './worker.service.js';
import { LOGGER } from './worker.tokens.js';

type Parts = { redis: Redis; subscriber: Redis; lease: Lease; audit: AuditLog; control: TurnControl; stops: TurnStops; steering: TurnSteering; modelWaits: ModelWaits; halts: AgentHalts; waits: TurnWaits; approvals: TurnApprovals; looks: LooksBeside; sessions: AgentSessions; placements: PlacementClient; turns: TurnStore };

@Module({})
export class WorkerModule {
  static register(config: WorkerConfig, logger: Logger): DynamicModule {
    const redis = createRedis(config.REDIS_URL.reveal());
    const lease: Lease = { holder: `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`, token: newToken() };
    const metrics = createMetrics('worker');
    const audit = new AuditLog(config, { service: 'worker', instance: lease.holder }, logger, metrics);
    const envelopes = Envelopes.from(config.ENVELOPE_KEYS_DIR, 'worker');
    const parts = assemble(config, redis, lease, audit, envelopes, logger);
    const dispatcher = { provide: TurnDispatcher, useFactory: (queue: Queue<TurnJob>) => new TurnDispatcher(heard(queue), parts.turns), inject: [getQueueToken(TURNS_QUEUE)] };
    return {
      module: WorkerModule,
      imports: [BullModule.forRoot({ connection: redis, prefix: QUEUE_PREFIX }), BullModule.registerQueue({ name: TURNS_QUEUE })],
      providers: [
        { provide: LOGGER, useValue: logger },
        dispatcher,
        { provide: TurnRunner, useFactory: (turns: TurnDispatcher) => createRunner(config, logger, parts, turns), inject: [TurnDispatcher] },
        TurnsProcessor,
        {
          provide: WorkerService,
          useFactory: (processor: TurnsProcessor, turns: TurnDispatcher) => {
            const watch = new ConsumptionWatch(config.REDIS_URL.reveal(), [processor], config.CONSUMPTION_TIMEOUT);
            return new WorkerService({ ...parts, config, logger, metrics, processor, watch, dispatcher: turns, instance: parts.lease.holder });
          },
          inject: [TurnsProcessor, TurnDispatcher],
        },
      ],
    };
  }
}

/** Each command reports its own failure; unheard, BullMQ prints errors with the command that failed, AUTH with the password among them. */
const heard = (queue: Queue<TurnJob>): Queue<TurnJob> => queue.on('error', () => undefined);

function assemble(config: WorkerConfig, redis: Redis, lease: Lease, audit: AuditLog, envelopes: Envelopes, logger: Logger): Parts {
  const forged = (what: string) => (flaw: string, of: { turnId: string; action: string }) => audit.record({ action: 'envelope.refused', outcome: 'refused', turnId: of.turnId, detail: { what, flaw, command: of.action } });
  const subscriber = createSubscriber(redis);
  const turns = new TurnStore(redis, { retentionMs: config.TURN_RETENTION, maxFinished: config.MAX_FINISHED_TURNS }, envelopes);
  const placements = new PlacementClient(redis, new AgentStore(redis), config.AGENT_START_TIMEOUT, envelopes);
  const sessions = new AgentSessions(placements, new ThreadStore(redis), lease, envelopes, { model: config.CODEX_MODEL, rpcTimeoutMs: config.RPC_TIMEOUT });
  const approvals = new TurnApprovals(new ApprovalStore(redis, envelopes), audit, { mode: config.CODEX_APPROVAL_MODE, timeoutMs: config.APPROVAL_TIMEOUT, fallback: config.APPROVAL_DEFAULT });
  return { redis, subscriber, lease, audit, turns, placements, sessions, control: new TurnControl(subscriber, envelopes, forged('turn command')), stops: new TurnStops(turns), steering: new TurnSteering(), modelWaits: new ModelWaits(subscriber), halts: new AgentHalts(subscriber), waits: new TurnWaits(), approvals, looks: new LooksBeside(turns, sessions, lease, logger) };
}

function createRunner(config: WorkerConfig, logger: Logger, parts: Parts, dispatcher: TurnDispatcher): TurnRunner {
  const execution = new TurnExecution(parts.sessions, parts.turns, { model: config.CODEX_MODEL, testTimeoutMs: config.TEST_TIMEOUT, prices: loadPrices(config.MODEL_PRICES_FILE) });
  return new TurnRunner(parts.turns, dispatcher, execution, parts.stops, parts.steering, parts.waits, parts.approvals, parts.looks, parts.lease, logger, parts.audit, { totalMs: config.TURN_TIMEOUT, idleMs: config.TURN_IDLE_TIMEOUT });
}
