import { ConfigError } from '@codex-mcp/config';
import { AppError } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import type Docker from 'dockerode';
import { z } from 'zod';
import type { GatewayClient } from '../gateway/gateway.client.js';
import type { SupervisorConfig } from '../supervisor.config.js';
import type { AgentRuntime } from './agent-runtime.port.js';
import { boundedEngine } from './docker/bounded-engine.js';
import { DockerRuntime } from './docker/docker.runtime.js';
import { EnginePaths } from './docker/engine-paths.js';
import { ProcessRuntime } from './process/process.runtime.js';

export const DESKTOP_ADVICE =
  'This engine runs in a virtual machine (Docker Desktop), where containers cannot reach sockets of this host. Run everything in it with `docker compose --profile codex-mcp up -d`, or set AGENT_RUNTIME=process.';

export const PROCESS_WARNING =
  'Agents run as processes on this host, without containers: Codex’s own sandbox keeps their writes inside the workspace, but they can read what you can read and share your CPU and memory. Install Docker for real isolation.';

/** Chooses what hosts agents; AGENT_RUNTIME=auto takes Docker where an engine answers and can serve. */
export async function createRuntime(config: SupervisorConfig, gateway: GatewayClient, logger: Logger, path: string): Promise<AgentRuntime> {
  if (config.AGENT_RUNTIME !== 'process') {
    const docker = boundedEngine(config.ENGINE_TIMEOUT);
    const engine = await reachEngine(docker);
    if (engine.paths) checkRuntime(config.AGENT_CONTAINER_RUNTIME, engine.runtimes);
    if (engine.paths) return dockerRuntime(docker, engine, config, gateway, logger);
    if (config.AGENT_RUNTIME === 'docker') throw new AppError('engine_unavailable', engine.problem);
    logger.warn({ op: 'runtime.choose', runtime: 'process', reason: engine.problem }, PROCESS_WARNING);
  } else logger.warn({ op: 'runtime.choose', runtime: 'process', reason: 'AGENT_RUNTIME=process' }, PROCESS_WARNING);
  return new ProcessRuntime(gateway, { runDir: config.RUN_DIR, dataDir: config.DATA_DIR, model: config.CODEX_MODEL, path });
}

/** What one agent leaves to the services and the other agents, where there is more than one CPU. */
const LEFT_CPUS = 0.5;

const EngineInfo = z.object({ OperatingSystem: z.string(), NCPU: z.number(), Runtimes: z.record(z.string(), z.unknown()).default({}) });

type Engine = { paths: EnginePaths; cpus: number; runtimes: string[] } | { paths: undefined; problem: string };

async function reachEngine(docker: Docker): Promise<Engine> {
  try {
    const info = EngineInfo.parse(await docker.info());
    const paths = await EnginePaths.discover(docker);
    const isDesktop = info.OperatingSystem.includes('Docker Desktop');
    return isDesktop && !paths.isInEngine ? { paths: undefined, problem: DESKTOP_ADVICE } : { paths, cpus: info.NCPU, runtimes: Object.keys(info.Runtimes) };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return { paths: undefined, problem: `No Docker engine answers (${words}). Start Docker, or set AGENT_RUNTIME=process.` };
  }
}

/** What is set for more isolation is never replaced by less. */
export function checkRuntime(wanted: string | undefined, runtimes: readonly string[]): void {
  if (wanted === undefined || runtimes.includes(wanted)) return;
  throw new ConfigError(`AGENT_CONTAINER_RUNTIME is "${wanted}", which this Docker engine does not know: it has ${runtimes.join(', ')}. Add it to the engine (/etc/docker/daemon.json), or unset the variable.`);
}

function dockerRuntime(docker: Docker, { paths, cpus }: { paths: EnginePaths; cpus: number }, config: SupervisorConfig, gateway: GatewayClient, logger: Logger): AgentRuntime {
  return new DockerRuntime(docker, paths, gateway, logger, {
    runDir: config.RUN_DIR,
    deployment: config.DEPLOYMENT,
    image: config.AGENT_IMAGE,
    images: config.AGENT_IMAGES,
    cpus: Math.min(config.CONTAINER_CPU_LIMIT, Math.max(1, cpus - LEFT_CPUS)), // the engine refuses more than it has
    memoryBytes: config.CONTAINER_MEMORY_LIMIT,
    maxFileBytes: config.WORKSPACE_MAX_BYTES,
    runtime: config.AGENT_CONTAINER_RUNTIME,
    model: config.CODEX_MODEL,
    sharesCaches: config.DEPENDENCY_CACHE === 'shared',
  });
}
