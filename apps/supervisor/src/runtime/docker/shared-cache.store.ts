import type Docker from 'dockerode';
import { type BaseSource, keyOf } from './base-spec.js';
import { CACHE_PATH, LABELS, type SharedCache, volumePrefix } from './container-spec.js';
import { ignoreNotFound, isConflict } from './docker.errors.js';

/** On the volume: the directory whose agents share it, as the engine's host knows it. */
const CACHE_LABEL = 'codex-mcp.cache-directory';

/**
 * Where package managers keep what they have fetched or built. Not cargo's home and not pnpm's, which hold programs too;
 * pnpm's store alone has no variable that npm does not complain of.
 */
export const CACHE_ENVIRONMENT = {
  npm_config_cache: `${CACHE_PATH}/npm`,
  YARN_CACHE_FOLDER: `${CACHE_PATH}/yarn`,
  PIP_CACHE_DIR: `${CACHE_PATH}/pip`,
  GOMODCACHE: `${CACHE_PATH}/go`,
} as const;

/** The cache of the agents that work, as one user, on one directory for one tenant. */
export const sharedCache = (deployment: string, source: BaseSource): SharedCache => ({
  name: `${volumePrefix(deployment)}cache-${keyOf(source)}`,
  labels: { [LABELS.deployment]: deployment, [LABELS.tenant]: source.tenant, [CACHE_LABEL]: source.directory },
});

export type CacheUser = Pick<BaseSource, 'tenant' | 'directory'>;

/** Shared caches on this engine. Its volumes and their labels are all that is known of them; none is an agent's. */
export class SharedCacheStore {
  constructor(
    private readonly docker: Docker,
    private readonly deployment: string,
  ) {}

  /** Removes the caches that none of `users()` has. It is asked only where there are any; the engine itself keeps those of containers. */
  async tidy(users: () => Promise<CacheUser[]>): Promise<void> {
    const { Volumes } = await this.docker.listVolumes({ filters: { label: [`${LABELS.deployment}=${this.deployment}`, CACHE_LABEL] } });
    if (Volumes.length === 0) return;
    const used = new Set((await users()).map(({ tenant, directory }) => JSON.stringify([tenant, directory])));
    const unused = Volumes.filter(({ Labels }) => !used.has(JSON.stringify([Labels?.[LABELS.tenant], Labels?.[CACHE_LABEL]])));
    for (const { Name } of unused) await this.docker.getVolume(Name).remove().catch((error: unknown) => (isConflict(error) ? undefined : ignoreNotFound(error)));
  }
}
