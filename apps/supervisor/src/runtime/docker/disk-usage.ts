import { statfs } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { DiskUsage } from '../agent-runtime.port.js';
import { execIn } from './bounded-exec.js';
import { CODEX_HOME_PATH, WORKSPACE_PATH } from './container-spec.js';

const TIMEOUT_S = 60;
/** The agent can hold up what runs in its container, also its `timeout`. */
const GIVE_UP_MS = TIMEOUT_S * 1000 + 5000;

/**
 * What an agent's files take on the disk, measured in its container as the agent itself; after `giveUpMs` at the latest,
 * `unmeasurable`, and undefined where the container has ended meanwhile. What the agent hides from itself is not counted.
 */
export async function diskUsageOf(docker: Docker, container: Docker.Container, isOwnWorkspace: boolean, giveUpMs = GIVE_UP_MS): Promise<DiskUsage | undefined> {
  const paths = isOwnWorkspace ? [WORKSPACE_PATH, CODEX_HOME_PATH] : [CODEX_HOME_PATH];
  const { stdout } = await execIn(docker, container, ['timeout', String(TIMEOUT_S), 'du', '-skcx', ...paths], giveUpMs).catch(() => ({ stdout: '' }));
  const total = /^(\d+)\s+total$/m.exec(stdout)?.[1];
  if (total !== undefined) return Number(total) * 1024;
  const { State } = await container.inspect();
  return State.Running && !State.Paused ? 'unmeasurable' : undefined;
}

/** What is free on the first of these directories that this process sees; on other systems than Linux the engine has a disk of its own. */
export async function freeBytesOf(...directories: string[]): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  for (const directory of directories) {
    const found = await statfs(directory).catch(() => undefined);
    if (found) return found.bavail * found.bsize;
  }
  return undefined;
}
