import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentStore } from '@codex-mcp/messaging';
import { containersOf, volumesOf } from '../../stack/agent-containers.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';

/** Which agents there are, by the beginnings of their keys, as each place has them. */
export type Census = Readonly<Record<'registry' | 'containers' | 'workspaces' | 'homes' | 'directories' | 'removals', readonly string[]>>;

const KEY_DIGITS = 16;

/** An agent that is there twice is in the list twice. */
export async function census(system: ServiceSystem): Promise<Census> {
  const [records, containers, volumes, directories, removals] = await Promise.all([
    new AgentStore(system.redis).listAll(),
    containersOf(system.deployment),
    volumesOf(system.deployment),
    readdir(join(system.runDir, 'agents')),
    readdir(join(system.runDir, 'removals')).catch(() => []),
  ]);
  const having = (kind: string) => volumes.filter((name) => name.endsWith(kind)).map((name) => name.slice(-(kind.length + KEY_DIGITS), -kind.length));
  return {
    registry: beginnings(records.map(({ key }) => key)),
    containers: beginnings(containers.map(({ Labels }) => Labels['codex-mcp.agent-key'] ?? '?')),
    workspaces: having('-workspace').toSorted(),
    homes: having('-home').toSorted(),
    directories: beginnings(directories),
    removals: beginnings(removals),
  };
}

/** What is not the same everywhere; empty where all agree on `keys`. */
export function disagreements({ removals, ...places }: Census, keys: readonly string[]): string[] {
  const expected = beginnings(keys).join(', ');
  const wrong = Object.entries(places).filter(([, found]) => found.join(', ') !== expected);
  const told = wrong.map(([place, found]) => `${place}: ${found.length} of ${keys.length} agents (too many: ${list(found, beginnings(keys))}; missing: ${list(beginnings(keys), found)})`);
  return removals.length > 0 ? [...told, `${removals.length} removals are not finished`] : told;
}

const beginnings = (keys: readonly string[]): string[] => keys.map((key) => key.slice(0, KEY_DIGITS)).toSorted();

/** What one list has more often than the other. */
function list(one: readonly string[], other: readonly string[]): string {
  const left = [...other];
  const more = one.filter((key) => {
    const at = left.indexOf(key);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return more.join(' ') || 'none';
}
