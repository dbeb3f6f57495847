import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { AppError } from '@codex-mcp/contracts';

const run = promisify(execFile);
const POLL_MS = 50;
const END_TIMEOUT_MS = 20_000;

/** What every service's command line has, bundled or not. */
const SERVICE_ENTRY = 'dist/main.';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** None of this process's own variables, of which some are secrets. */
const PS_ENVIRONMENT = { PATH: '/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin' };

const commandOf = async (pid: number): Promise<string> => (await run('ps', ['-o', 'command=', '-p', String(pid)], { env: PS_ENVIRONMENT }).catch(() => ({ stdout: '' }))).stdout.trim();

/** Ends a process of an earlier run, if the pid still belongs to the program it was. */
export async function endProcess(pid: number, program: string): Promise<void> {
  if (!(pid > 0) || !isAlive(pid) || !(await commandOf(pid)).includes(program)) return;
  process.kill(pid, 'SIGTERM');
  for (const deadline = Date.now() + END_TIMEOUT_MS; isAlive(pid) && Date.now() < deadline; ) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** A launcher that was killed leaves services that still hold the port for some seconds; they are ended before new ones start. */
export async function endServicesOf(pidFile: string): Promise<void> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  await Promise.all(text.split('\n').map((line) => endProcess(Number(line), SERVICE_ENTRY)));
  await rm(pidFile, { force: true });
}

/** Remembers a service for {@link endServicesOf}. */
export function noteService(pidFile: string, pid: number): void {
  appendFileSync(pidFile, `${pid}\n`, { mode: 0o600 });
}

/** One server per data directory. Returns what gives the place free again. */
export async function claimDataDirectory(lockFile: string, dataDir: string): Promise<() => Promise<void>> {
  const pid = Number(await readFile(lockFile, 'utf8').catch(() => ''));
  if (pid > 0 && pid !== process.pid && isAlive(pid) && (await commandOf(pid)).includes('start'))
    throw new AppError('service_unavailable', `codex-mcp already runs with ${dataDir} (process ${pid}). Stop it, or set DATA_DIR and PORT to run a second one.`);
  await writeFile(lockFile, String(process.pid), { mode: 0o600 });
  return () => rm(lockFile, { force: true });
}
