import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The agents of a data directory that run as processes: process id and command line with its environment. */
export async function agentProcesses(dataDir: string): Promise<{ pid: number; line: string }[]> {
  const { stdout } = await promisify(execFile)('ps', ['axeww', '-o', 'pid=,command='], { maxBuffer: 64 * 1024 * 1024 });
  const lines = stdout.split('\n').filter((line) => line.includes(`CODEX_HOME=${join(dataDir, 'agents')}`));
  return lines.map((line) => ({ pid: Number.parseInt(line, 10), line }));
}

/** Ends those that a failed test left running. */
export async function sweepAgentProcesses(dataDir: string): Promise<void> {
  for (const { pid } of await agentProcesses(dataDir)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
  }
}
