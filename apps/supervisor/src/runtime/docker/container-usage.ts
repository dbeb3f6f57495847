import type { AgentUsage } from '@codex-mcp/contracts';
import type { ContainerStats } from 'dockerode';

/** The engine's counters as percent of one CPU and bytes; absent where the engine left them out. */
export function usageOf(stats: ContainerStats): AgentUsage {
  const cpu = stats.cpu_stats.cpu_usage.total_usage - stats.precpu_stats.cpu_usage.total_usage;
  const system = (stats.cpu_stats.system_cpu_usage ?? 0) - (stats.precpu_stats.system_cpu_usage ?? 0);
  const cpus = stats.cpu_stats.online_cpus ?? 1;
  const memory = stats.memory_stats;
  return {
    ...(system > 0 && { cpuPercent: Math.round((cpu / system) * cpus * 1000) / 10 }),
    ...(memory.usage !== undefined && { memoryBytes: memory.usage }),
    ...(memory.limit !== undefined && { memoryLimitBytes: memory.limit }),
    ...(stats.pids_stats?.current !== undefined && { processes: stats.pids_stats.current }),
  };
}
