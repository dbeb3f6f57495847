import { readFile } from 'node:fs/promises';

/** A tick of the kernel's clock in /proc is 10 ms on every Linux that Node runs on. */
const TICK_MS = 10;

/** The children of the launcher: `mcp-edge`, `worker`, …, `redis-server`. */
export async function servicesOf(launcherPid: number): Promise<{ name: string; pid: number }[]> {
  const pids = (await readFile(`/proc/${launcherPid}/task/${launcherPid}/children`, 'utf8')).trim().split(' ').map(Number);
  return Promise.all(pids.map(async (pid) => ({ pid, name: nameIn(await readFile(`/proc/${pid}/cmdline`, 'utf8')) ?? `process ${pid}` })));
}

const nameIn = (commandLine: string): string | undefined => /apps\/([\w-]+)\/dist|(redis-server)/.exec(commandLine)?.slice(1).find(Boolean);

/** Throws when the launcher runs no edge. */
export async function edgeOf(launcherPid: number): Promise<number> {
  const edge = (await servicesOf(launcherPid)).find(({ name }) => name === 'mcp-edge');
  if (!edge) throw new Error('the stack runs no edge');
  return edge.pid;
}

export async function residentMb(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

/** Milliseconds that all threads of a process have spent on a core, in its own code and in the kernel for it. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name of the program, in brackets, may hold spaces; user and system time are the 12th and 13th field behind it.
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number);
  return ((user ?? 0) + (system ?? 0)) * TICK_MS;
}
