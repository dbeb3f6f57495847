import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { Heartbeat } from '@codex-mcp/contracts';
import { HeartbeatPublisher } from '@codex-mcp/messaging';
import { addGauge, createMetrics, type Logger, startOpsServer } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import type { AgentsService } from './agents/agents.service.js';
import type { CommandsHandler } from './agents/commands.handler.js';
import type { Reaper } from './agents/reaper.js';
import type { IdleSweeper } from './agents/idle.sweeper.js';
import type { RelayServer } from './relay/relay.server.js';
import type { AgentRuntime } from './runtime/agent-runtime.port.js';
import type { SupervisorConfig } from './supervisor.config.js';

export type SupervisorParts = {
  config: SupervisorConfig;
  supervisorId: string;
  redis: Redis;
  runtime: AgentRuntime;
  agents: AgentsService;
  reaper: Reaper;
  commands: CommandsHandler;
  sweeper: IdleSweeper;
  relay: RelayServer;
  logger: Logger;
};

/** Order of start and end of the supervisor's parts, and what it says of itself. */
export class SupervisorService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly startedAtMs = Date.now();
  private readonly beats: HeartbeatPublisher;
  private ops: { close(): Promise<void> } | undefined;

  constructor(private readonly parts: SupervisorParts) {
    this.beats = new HeartbeatPublisher(parts.redis, () => this.describe());
  }

  async onApplicationBootstrap(): Promise<void> {
    const { relay, reaper, commands, sweeper, config, logger } = this.parts;
    await relay.start();
    await reaper.reap().catch((error: unknown) => logger.warn({ op: 'agents.reap', err: error }, 'agents.reap'));
    commands.start();
    sweeper.start();
    this.ops = await startOpsServer({ bind: config.OPS_BIND, port: config.OPS_PORT, metrics: this.metrics(), health: () => this.health() });
    await this.beats.start();
    logger.info({ op: 'supervisor.ready', runtime: this.parts.runtime.name, relay: relay.url, supervisorId: this.parts.supervisorId }, 'supervisor.ready');
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.beats.stop();
    await this.parts.commands.stop();
    await this.parts.sweeper.stop();
    if (this.parts.config.STOP_AGENTS_ON_SHUTDOWN) await this.parts.agents.stopAll();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.parts.relay.stop();
    await this.ops?.close();
    this.parts.redis.disconnect();
  }

  private async describe(): Promise<Heartbeat> {
    const { supervisorId, relay, runtime, config, agents } = this.parts;
    const problem = await runtime.check().then(() => undefined, (error: unknown) => (error instanceof Error ? error.message : String(error)));
    return {
      service: 'supervisor',
      instance: supervisorId,
      version: '0.1.0',
      startedAtMs: this.startedAtMs,
      pid: process.pid,
      supervisorId,
      relayUrl: relay.url,
      runtime: runtime.name,
      ...(problem !== undefined && { problem }),
      runningAgents: problem === undefined ? (await agents.running()).length : 0,
      maxAgents: config.MAX_CONCURRENT_SESSIONS,
    };
  }

  private async health() {
    await this.parts.redis.ping();
    await this.parts.runtime.check();
    return { ok: this.parts.commands.isRunning };
  }

  private metrics() {
    const registry = createMetrics('supervisor');
    const { agents, reaper, relay } = this.parts;
    addGauge(registry, 'codex_mcp_running_agents', 'Agents that run on this host', async () => (await agents.running()).length);
    addGauge(registry, 'codex_mcp_unsettled_agents', 'Agents that the log asks somebody to look at: files or records without the other', () => reaper.unsettled);
    addGauge(registry, 'codex_mcp_relay_connections', 'Agents that a worker is connected to', () => relay.connections);
    return registry;
  }
}
