import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { Heartbeat } from '@codex-mcp/contracts';
import { type ConsumptionWatch, FinishedJobsSweeper, HeartbeatPublisher, redisAnswers, whyNot } from '@codex-mcp/messaging';
import { addGauge, type AuditLog, type createMetrics, type Logger, startOpsServer } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import type { AgentsService } from './agents/agents.service.js';
import type { CommandsHandler } from './agents/commands.handler.js';
import type { Reaper } from './agents/reaper.js';
import type { IdleSweeper } from './agents/idle.sweeper.js';
import type { DiskWatch } from './disk/disk-watch.js';
import type { RelayServer } from './relay/relay.server.js';
import type { AgentRuntime } from './runtime/agent-runtime.port.js';
import { briskly } from './patience.js';
import type { SupervisorConfig } from './supervisor.config.js';
import type { HostDirectories } from './workspace/host-directories.js';

export type SupervisorParts = {
  config: SupervisorConfig;
  supervisorId: string;
  redis: Redis;
  runtime: AgentRuntime;
  agents: AgentsService;
  directories: HostDirectories;
  reaper: Reaper;
  commands: CommandsHandler;
  watch: ConsumptionWatch;
  sweeper: IdleSweeper;
  disk: DiskWatch;
  relay: RelayServer;
  logger: Logger;
  audit: AuditLog;
  metrics: ReturnType<typeof createMetrics>;
};

/** Order of start and end of the supervisor's parts, and what it says of itself. */
export class SupervisorService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly startedAtMs = Date.now();
  private readonly beats: HeartbeatPublisher;
  private readonly finishedJobs: FinishedJobsSweeper;
  private isBroken = false;
  private ops: { close(): Promise<void> } | undefined;

  constructor(private readonly parts: SupervisorParts) {
    this.finishedJobs = new FinishedJobsSweeper(parts.redis, parts.commands.consumers.map(({ queue }) => queue));
    this.beats = new HeartbeatPublisher(parts.watch.redis, () => this.describe());
    void this.broken.then(() => (this.isBroken = true));
  }

  async onApplicationBootstrap(): Promise<void> {
    const { relay, directories, reaper, commands, watch, sweeper, disk, config, logger } = this.parts;
    await directories.recover();
    await relay.start();
    await reaper.reap().catch((error: unknown) => logger.warn({ op: 'agents.reap', err: error }, 'agents.reap'));
    await commands.start();
    watch.start();
    this.finishedJobs.start();
    sweeper.start();
    disk.start();
    this.ops = await startOpsServer({ bind: config.OPS_BIND, port: config.OPS_PORT, metrics: this.metrics(), health: () => this.health() });
    await this.beats.start();
    logger.info({ op: 'supervisor.ready', runtime: this.parts.runtime.name, relay: relay.url, supervisorId: this.parts.supervisorId }, 'supervisor.ready');
  }

  /** Resolves when no commands get to this supervisor and only a restart can help. */
  get broken(): Promise<string> {
    return this.parts.watch.dead;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.parts.watch.stop();
    await this.beats.stop();
    await this.parts.commands.stop();
    await this.parts.sweeper.stop();
    await this.parts.disk.stop();
    // One that is started again at once finds its agents as they are.
    if (this.parts.config.STOP_AGENTS_ON_SHUTDOWN && !this.isBroken) await this.parts.agents.stopAll();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.parts.relay.stop();
    await this.ops?.close();
    await this.finishedJobs.stop();
    this.parts.watch.close();
    this.parts.redis.disconnect();
    await this.parts.audit.close();
  }

  private async describe(): Promise<Heartbeat> {
    const { supervisorId, relay, runtime, config, audit } = this.parts;
    const host = await this.host();
    const { stalled } = this;
    return {
      service: 'supervisor',
      instance: supervisorId,
      version: '0.1.0',
      startedAtMs: this.startedAtMs,
      pid: process.pid,
      supervisorId,
      relayUrl: relay.url,
      runtime: runtime.name,
      ...(stalled !== undefined && { stalled }),
      ...(host.problem !== undefined && { problem: host.problem }),
      ...(audit.problem !== undefined && { auditProblem: audit.problem }),
      runningAgents: host.running,
      maxAgents: config.MAX_CONCURRENT_SESSIONS,
      workspaceRoots: config.WORKSPACE_ROOTS,
    };
  }

  /** What hosts the agents: how many run, or what is wrong. It also counts where only some of it answers. */
  private async host(): Promise<{ running: number; problem?: string }> {
    const { runtime, agents } = this.parts;
    let running = 0;
    const counted = runtime.check().then(async () => (running = (await agents.running()).length));
    const problem = await whyNot(briskly(counted));
    return { running, ...(problem !== undefined && { problem }) };
  }

  /** Why no commands get here; undefined while nothing proves that. */
  private get stalled(): string | undefined {
    return this.parts.commands.isRunning ? this.parts.watch.problem : 'This process has ceased to take commands.';
  }

  private async health() {
    const { redis, audit } = this.parts;
    const problem = this.stalled ?? (await whyNot(redisAnswers(redis))) ?? (await this.host()).problem;
    return { ok: problem === undefined, ...(problem !== undefined && { problem }), ...(audit.problem !== undefined && { auditProblem: audit.problem }) };
  }

  private metrics() {
    const { metrics, agents, reaper, relay } = this.parts;
    addGauge(metrics, 'codex_mcp_running_agents', 'Agents that run on this host', async () => (await agents.running()).length);
    addGauge(metrics, 'codex_mcp_unsettled_agents', 'Agents that the log asks somebody to look at: files or records without the other', () => reaper.unsettled);
    addGauge(metrics, 'codex_mcp_relay_connections', 'Agents that a worker is connected to', () => relay.connections);
    return metrics;
  }
}
