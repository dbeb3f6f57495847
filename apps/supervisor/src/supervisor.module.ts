import { type DynamicModule, Module } from '@nestjs/common';
import { AgentStore, announceAgentHalt, ConsumptionWatch, createRedis, Envelopes, TurnStore } from '@codex-mcp/messaging';
import { AuditLog, createMetrics, type Logger } from '@codex-mcp/observability';
import { AgentsService } from './agents/agents.service.js';
import { CommandsHandler } from './agents/commands.handler.js';
import { IdleSweeper } from './agents/idle.sweeper.js';
import { Reaper } from './agents/reaper.js';
import { Removals } from './agents/removals.js';
import { DiskWatch } from './disk/disk-watch.js';
import { GatewayClient } from './gateway/gateway.client.js';
import { RelayServer } from './relay/relay.server.js';
import { createRuntime } from './runtime/runtime.factory.js';
import type { SupervisorConfig } from './supervisor.config.js';
import { supervisorIdentity } from './supervisor-identity.js';
import { SupervisorService } from './supervisor.service.js';
import { ApplyJournal } from './workspace/apply-journal.js';
import { HostDirectories } from './workspace/host-directories.js';
import { WorkspaceRoots } from './workspace/workspace-roots.js';

@Module({})
export class SupervisorModule {
  /** `path` is the PATH that agents without a container get. */
  static register(config: SupervisorConfig, logger: Logger, path: string): DynamicModule {
    return {
      module: SupervisorModule,
      providers: [{ provide: SupervisorService, useFactory: () => assemble(config, logger, path) }],
    };
  }
}

async function assemble(config: SupervisorConfig, logger: Logger, path: string): Promise<SupervisorService> {
  const redis = createRedis(config.REDIS_URL.reveal());
  const registry = new AgentStore(redis);
  const envelopes = Envelopes.from(config.ENVELOPE_KEYS_DIR, 'supervisor');
  const supervisorId = await supervisorIdentity(config.RUN_DIR);
  const metrics = createMetrics('supervisor');
  const audit = new AuditLog(config, { service: 'supervisor', instance: supervisorId }, logger, metrics);
  const gateway = new GatewayClient(config.RUN_DIR);
  const runtime = await createRuntime(config, gateway, logger, path);
  const removals = new Removals(config.RUN_DIR);
  const roots = new WorkspaceRoots(config.WORKSPACE_ROOTS);
  const directories = new HostDirectories(roots, logger, new ApplyJournal(config.RUN_DIR));
  const relay = new RelayServer(registry, runtime, directories, gateway, logger, { bind: config.SUPERVISOR_BIND, port: config.SUPERVISOR_PORT, url: config.SUPERVISOR_URL, supervisorId }, envelopes, audit);
  const agents = new AgentsService(runtime, registry, new TurnStore(redis), removals, roots, logger, audit, {
    supervisorId,
    relayUrl: () => relay.url,
    maxRunning: config.MAX_CONCURRENT_SESSIONS,
    disk: () => disk,
  });
  const disk = new DiskWatch({
    runtime,
    running: async () => (await agents.running()).map(({ spec }) => spec.agent),
    halt: async (agent, error) => {
      await announceAgentHalt(redis, { agentKey: agent.key, error: error.toBody() });
      await agents.end(agent);
    },
    logger,
    limits: { maxBytes: config.WORKSPACE_MAX_BYTES, minFreeBytes: config.DISK_FREE_MIN },
  });
  const reaper = new Reaper(agents, runtime, registry, removals, gateway, redis, logger, { supervisorId, runDir: config.RUN_DIR });
  const commands = new CommandsHandler(agents, supervisorId, redis, envelopes, audit);
  const watch = new ConsumptionWatch(config.REDIS_URL.reveal(), commands.consumers, config.CONSUMPTION_TIMEOUT);
  const sweeper = new IdleSweeper(agents, reaper, logger, { timeoutMs: config.SESSION_TIMEOUT, removes: !config.PERSISTENT_MODE });
  return new SupervisorService({ config, supervisorId, redis, runtime, agents, directories, reaper, commands, watch, sweeper, disk, relay, logger, audit, metrics });
}
