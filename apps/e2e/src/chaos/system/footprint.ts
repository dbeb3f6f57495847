import { readdir, readFile } from 'node:fs/promises';
import { FINISHED_JOBS } from '@codex-mcp/messaging';
import { containersOf, docker, volumesOf } from '../../stack/agent-containers.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';

/** What a system holds on to, by name. */
export type Footprint = ReadonlyMap<string, number>;

/** BullMQ keeps so many finished jobs of a queue; only more than that are growth. */
const JOB = /^codex-mcp-queue:(?:turns:turn_|(?:supervisor-[^:]+|placements):\d+$)/;
const MAX_JOBS = FINISHED_JOBS.completed.count;
const ENDS_BY_ITSELF = /^codex-mcp:turn:/;

/** Of turns that have ended there must be none. */
const LASTING = 'keys of turns that stay for ever';

export async function footprint(system: ServiceSystem): Promise<Footprint> {
  const services = system.services();
  const open = await Promise.all(services.map(async ({ app, pid }) => [`descriptors of ${app} ${pid}`, (await readdir(`/proc/${pid}/fd`)).length] as const));
  const keys = await system.redis.keys('*');
  return new Map([
    ...open,
    ['zombies', (await zombies(services.map(({ pid }) => pid))) + (await zombiesInContainers(system))],
    ['containers', (await containersOf(system.deployment)).length],
    ['volumes', (await volumesOf(system.deployment)).length],
    ...kindsOf(keys),
    [LASTING, await lasting(system, keys.filter((key) => ENDS_BY_ITSELF.test(key)))],
  ]);
}

/** What has grown from one footprint to another, taken when all turns have ended, by more than `allowed`. */
export function grown(before: Footprint, after: Footprint, allowed: number): string[] {
  return [...after].flatMap(([name, count]) => {
    const had = before.get(name) ?? 0;
    if (name === LASTING) return count > 0 ? [`${count} ${name}`] : [];
    return count - had > allowed ? [`${name}: from ${had} to ${count}`] : [];
  });
}

/** How many keys there are of each kind: what is in a name by chance does not count. */
function kindsOf(keys: readonly string[]): Map<string, number> {
  const kinds = new Map<string, number>();
  const jobs = new Set<string>();
  for (const key of keys) {
    const kind = `keys ${key.replaceAll(/[0-9a-f]{6,}|\d+/g, '#')}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (JOB.test(key)) jobs.add(kind);
  }
  for (const kind of jobs) kinds.set(kind, Math.max(kinds.get(kind) ?? 0, MAX_JOBS));
  return kinds;
}

async function lasting(system: ServiceSystem, keys: readonly string[]): Promise<number> {
  const lifetimes = await Promise.all(keys.map((key) => system.redis.pttl(key)));
  return lifetimes.filter((lifetime) => lifetime === -1).length;
}

async function zombies(parents: readonly number[]): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  // `pid (name) state parent …`; the name may hold blanks and parentheses.
  return stats.map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')).filter(([state, parent]) => state === 'Z' && parents.includes(Number(parent))).length;
}

async function zombiesInContainers(system: ServiceSystem): Promise<number> {
  const containers = await containersOf(system.deployment);
  const tops = await Promise.all(containers.map(async ({ Id }) => (await docker.getContainer(Id).top({ ps_args: '-eo pid,stat,comm' })) as { Processes: string[][] }));
  return tops.flatMap(({ Processes: processes }) => processes).filter(([, state]) => state?.startsWith('Z')).length;
}
