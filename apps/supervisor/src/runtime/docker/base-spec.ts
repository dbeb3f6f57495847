import { createHash } from 'node:crypto';
import { baseEnvironment, CHECK_BASE, MAKE_BASE } from '@codex-mcp/snapshots';
import type { ContainerCreateOptions, MountSettings } from 'dockerode';
import { BASE_PATH, bindMount, type ContainerLimits, type ContainerUser, hardening, LABELS, newVolumeMount, presentVolumeMount, SOURCE_PATH, volumePrefix } from './container-spec.js';

/** What a base is made of: a directory as the engine's host knows it, for one tenant, read as one user. */
export type BaseSource = { tenant: string; directory: string; user: ContainerUser };

export const BASE_LABELS = {
  /** Of which source a container or volume is a base. */
  base: 'codex-mcp.base',
  directory: 'codex-mcp.base-directory',
  /** On containers that only look whether a base is still of use. */
  check: 'codex-mcp.base-check',
} as const;

/** An image has this directory for volumes that whoever runs the container may write to. */
const BUILD_PATH = '/workspace';

export const keyOf = ({ tenant, directory, user }: BaseSource): string => createHash('sha256').update(JSON.stringify([tenant, directory, user.uid, user.gid])).digest('hex').slice(0, 12);

/** Later generations have later names. */
export const baseName = (deployment: string, key: string, atMs: number): string => `${volumePrefix(deployment)}base-${key}-${atMs}`;

/** Fills a volume of its own name. Once it has ended with 0, the volume is a base. */
export function makerSpec(name: string, source: BaseSource, limits: ContainerLimits): ContainerCreateOptions {
  const labels = { [LABELS.deployment]: limits.deployment, [LABELS.tenant]: source.tenant, [BASE_LABELS.base]: keyOf(source), [BASE_LABELS.directory]: source.directory };
  const command = [MAKE_BASE, 'sh', BUILD_PATH, SOURCE_PATH];
  return { ...gitContainer(name, BUILD_PATH, command, source, limits, newVolumeMount(name, BUILD_PATH, labels)), Labels: labels };
}

/** Looks whether the directory is still about what the base `name` is. */
export function checkerSpec(name: string, source: BaseSource, limits: ContainerLimits): ContainerCreateOptions {
  const labels = { [LABELS.deployment]: limits.deployment, [BASE_LABELS.check]: keyOf(source) };
  return { ...gitContainer(`${name}-check`, BASE_PATH, [CHECK_BASE, 'sh', SOURCE_PATH], source, limits, presentVolumeMount(name, BASE_PATH, true)), Labels: labels };
}

/** Fixed git commands of ours and nothing else, with the limits of an agent. */
function gitContainer(name: string, base: string, command: string[], { directory, user }: BaseSource, limits: ContainerLimits, volume: MountSettings): ContainerCreateOptions {
  return {
    name,
    Image: limits.image,
    User: `${user.uid}:${user.gid}`,
    WorkingDir: '/',
    Env: Object.entries(baseEnvironment(base, SOURCE_PATH)).map(([key, value]) => `${key}=${value}`),
    Cmd: ['sh', '-c', ...command],
    HostConfig: hardening(limits, [volume, bindMount(directory, SOURCE_PATH, true)]),
  };
}
