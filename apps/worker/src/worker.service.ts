import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { type Heartbeat, type TurnCommand, TURNS_QUEUE } from '@codex-mcp/contracts';
import { type AgentHalts, type ConsumptionWatch, FinishedJobsSweeper, HeartbeatPublisher, type ModelWaits, redisAnswers, whyNot, type TurnControl, type TurnDispatcher } from '@codex-mcp/messaging';
import { addGauge, type AuditLog, type createMetrics, type Logger, startOpsServer } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import type { AgentSessions } from './agents/agent-sessions.js';
import type { PlacementClient } from './agents/placement.client.js';
import type { LooksBeside } from './turns/looks-beside.js';
import type { TurnApprovals } from './turns/turn-approvals.js';
import type { TurnSteering } from './turns/turn-steering.js';
import type { TurnStops } from './turns/turn-stops.js';
import type { TurnWaits } from './turns/turn-waits.js';
import type { TurnsProcessor } from './turns/turns.processor.js';
import type { WorkerConfig } from './worker.config.js';

/** How often heads of mailboxes without a runnable job are looked for. */
const RELEASE_INTERVAL_MS = 10_000;

export type WorkerParts = {
  config: WorkerConfig;
  instance: string;
  redis: Redis;
  subscriber: Redis;
  processor: TurnsProcessor;
  watch: ConsumptionWatch;
  control: TurnControl;
  stops: TurnStops;
  steering: TurnSteering;
  modelWaits: ModelWaits;
  halts: AgentHalts;
  waits: TurnWaits;
  approvals: TurnApprovals;
  looks: LooksBeside;
  sessions: AgentSessions;
  placements: PlacementClient;
  dispatcher: TurnDispatcher;
  logger: Logger;
  audit: AuditLog;
  metrics: ReturnType<typeof createMetrics>;
};

/** Order of start and end of the worker's parts, and what it says of itself. */
export class WorkerService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly startedAtMs = Date.now();
  private readonly beats: HeartbeatPublisher;
  private readonly finishedJobs: FinishedJobsSweeper;
  private releaseTimer: NodeJS.Timeout | undefined;
  private ops: { close(): Promise<void> } | undefined;

  constructor(private readonly parts: WorkerParts) {
    this.finishedJobs = new FinishedJobsSweeper(parts.redis, [TURNS_QUEUE]);
    this.beats = new HeartbeatPublisher(parts.watch.redis, () => this.describe());
  }

  async onApplicationBootstrap(): Promise<void> {
    const { config, control, stops, modelWaits, halts, waits, processor, watch, dispatcher, logger, instance } = this.parts;
    await control.listen((command) => this.obey(command), () => void stops.catchUp());
    await modelWaits.listen((wait) => waits.handle(wait));
    await halts.listen((halt) => waits.halt(halt));
    processor.start(config.WORKER_CONCURRENCY);
    watch.start();
    this.finishedJobs.start();
    this.releaseTimer = setInterval(() => void dispatcher.releaseAll().catch((error: unknown) => logger.warn({ op: 'turns.release', err: error }, 'turns.release')), RELEASE_INTERVAL_MS);
    this.ops = await startOpsServer({ bind: config.OPS_BIND, port: config.OPS_PORT, metrics: this.metrics(), health: () => this.health() });
    await this.beats.start();
    logger.info({ op: 'worker.ready', instance }, 'worker.ready');
  }

  private obey(command: TurnCommand): void {
    const { stops, steering, approvals, looks } = this.parts;
    if (command.action === 'cancel') stops.cancel(command.turnId);
    else if (command.action === 'steer') void steering.handle(command);
    else if (command.action === 'look') void looks.offer(command.turnId, command.agentKey);
    else approvals.handle(command);
  }

  /** Resolves when no turns get to this worker and only a restart can help. */
  get broken(): Promise<string> {
    return this.parts.watch.dead;
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.releaseTimer);
    this.parts.watch.stop();
    await this.beats.stop();
    await this.parts.processor.drain(this.parts.config.SHUTDOWN_TIMEOUT);
  }

  async onApplicationShutdown(): Promise<void> {
    this.parts.sessions.closeAll();
    await this.parts.placements.close();
    await this.finishedJobs.stop();
    await this.ops?.close();
    this.parts.subscriber.disconnect();
    this.parts.watch.close();
    this.parts.redis.disconnect();
    await this.parts.audit.close();
  }

  private describe(): Heartbeat {
    const { instance, processor, audit } = this.parts;
    const { stalled } = this;
    const problems = { ...(stalled !== undefined && { stalled }), ...(audit.problem !== undefined && { auditProblem: audit.problem }) };
    return { service: 'worker', instance, version: '0.1.0', startedAtMs: this.startedAtMs, pid: process.pid, activeTurns: processor.activeTurns, ...problems };
  }

  /** Why no turns get here; undefined while nothing proves that. */
  private get stalled(): string | undefined {
    return this.parts.processor.isConsuming ? this.parts.watch.problem : 'This process has ceased to take turns.';
  }

  private async health() {
    const problem = this.stalled ?? (await whyNot(redisAnswers(this.parts.redis)));
    const auditProblem = this.parts.audit.problem;
    return { ok: problem === undefined, ...(problem !== undefined && { problem }), ...(auditProblem !== undefined && { auditProblem }), activeTurns: this.parts.processor.activeTurns };
  }

  private metrics() {
    const { metrics, processor } = this.parts;
    addGauge(metrics, 'codex_mcp_active_turns', 'Turns that this worker runs', () => processor.activeTurns);
    return metrics;
  }
}
