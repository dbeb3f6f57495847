import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Row, Section } from '../result.js';
import type { System } from '../system.js';

const IDLE_MS = 10_000;
const MAX_MB = 500;
const LAUNCHER = 'launcher (npm start only)';

type Memory = { readonly name: string; readonly residentMb: number };

/** Resident memory of a stack that has just been started and then left alone; undefined where there is no /proc. */
export async function measureIdleMemory({ stack }: System): Promise<Section | undefined> {
  if (!existsSync('/proc/self/status')) return undefined;
  await delay(IDLE_MS);
  const launcher = { name: LAUNCHER, residentMb: await residentMb(stack.pid) };
  const services = await Promise.all((await childrenOf(stack.pid)).map(memoryOf));
  const totalMb = services.reduce((sum, { residentMb: each }) => sum + each, 0);
  const row = ({ name, residentMb: each }: Memory): Row => ({ label: name, samples: [each] });
  return {
    title: `Resident memory, ${IDLE_MS / 1000} s idle after the start`,
    unit: 'MB',
    rows: [...services.toSorted((a, b) => b.residentMb - a.residentMb).map(row), row({ name: 'services and Redis', residentMb: totalMb }), row(launcher)],
    checks: [{ target: 'services and Redis', limit: MAX_MB, measured: totalMb, unit: 'MB' }],
  };
}

async function childrenOf(pid: number): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
}

async function memoryOf(pid: number): Promise<Memory> {
  const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  return { name: /apps\/([\w-]+)\/dist|(redis-server)/.exec(command)?.slice(1).find(Boolean) ?? `process ${pid}`, residentMb: await residentMb(pid) };
}

async function residentMb(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}
