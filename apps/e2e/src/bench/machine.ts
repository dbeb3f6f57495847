import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { locateCodex } from '@codex-mcp/codex';
import type { RuntimeName } from '@codex-mcp/contracts';

/** What the numbers depend on. */
export function describeMachine(runtime: RuntimeName) {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    codex: locateCodex().version,
    runtime,
  };
}

export const machineLine = (machine: ReturnType<typeof describeMachine>): string =>
  `${machine.cores} cores (${machine.cpu.trim()}), ${machine.memoryGiB} GiB, load ${machine.load}, ${machine.platform}, Node ${machine.node}, Codex ${machine.codex}, runtime ${machine.runtime}`;

/** A warning when other work competes for the cores, as then no number here is only about the system. */
export function contention(): string | undefined {
  const [load = 0] = loadavg();
  return load > availableParallelism() ? `Load ${load.toFixed(1)} on ${availableParallelism()} cores: other work competed with this run, so repeat it on a quiet machine.` : undefined;
}
