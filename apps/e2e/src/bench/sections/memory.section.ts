import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Row, Section } from '../result.js';
import { residentMb, servicesOf } from '../subjects/service-process.js';
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
  const services = await Promise.all((await servicesOf(stack.pid)).map(async ({ name, pid }) => ({ name, residentMb: await residentMb(pid) })));
  const totalMb = services.reduce((sum, { residentMb: each }) => sum + each, 0);
  const row = ({ name, residentMb: each }: Memory): Row => ({ label: name, samples: [each] });
  return {
    title: `Resident memory, ${IDLE_MS / 1000} s idle after the start`,
    unit: 'MB',
    rows: [...services.toSorted((a, b) => b.residentMb - a.residentMb).map(row), row({ name: 'services and Redis', residentMb: totalMb }), row(launcher)],
    checks: [{ target: 'services and Redis', limit: MAX_MB, measured: totalMb, unit: 'MB' }],
  };
}
