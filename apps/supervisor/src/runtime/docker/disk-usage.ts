import { statfs } from 'node:fs/promises';
import { baseTree } from '@codex-mcp/snapshots';
import type Docker from 'dockerode';
import type { DiskUsage } from '../agent-runtime.port.js';
import { execIn } from './bounded-exec.js';
import { BASE_PATH, CODEX_HOME_PATH, WORKSPACE_PATH } from './container-spec.js';

const TIMEOUT_S = 60;
/** The agent can hold up what runs in its container, also its `timeout`. */
const GIVE_UP_MS = TIMEOUT_S * 1000 + 5000;

/**
 * $1 workspace, $2 base's tree, $3 home. Nobody can set back the time at which a file last changed in any way: what is younger
 * than the base is the agent's own, once where it has several names. A base's last step writes into its `.git`.
 */
const MEASURE_LAID = `{ [ -d "$2/.git" ] && find / -maxdepth 0 -newercc / -printf '' 2>/dev/null; } || { printf '0\\town\\n'; exec du -skcx "$1" "$3"; }
find "$1" -xdev -newercc "$2/.git" -printf '%i %n %y %k\\n' | awk '$3 != "d" && $2 > 1 && seen[$1]++ { next } { kib += $4 } END { printf "%d\\town\\n", kib }'
exec du -skcx "$3"`;

/** `isOwnWorkspace`: no directory of the host's. `isLaid`: over a base, which agents have together. */
export type MeasuredFiles = { isOwnWorkspace: boolean; isLaid: boolean };

/**
 * What an agent's own files take on the disk, measured in its container as the agent itself; after `giveUpMs` at the latest,
 * `unmeasurable`, and undefined where the container has ended meanwhile. What the agent hides from itself is not counted.
 */
export async function diskUsageOf(docker: Docker, container: Docker.Container, files: MeasuredFiles, giveUpMs = GIVE_UP_MS): Promise<DiskUsage | undefined> {
  const { stdout } = await execIn(docker, container, ['timeout', String(TIMEOUT_S), ...commandFor(files)], giveUpMs).catch(() => ({ stdout: '' }));
  const [total, own] = ['total', 'own'].map((what) => new RegExp(String.raw`^(\d+)\s+${what}$`, 'm').exec(stdout)?.[1]);
  if (total !== undefined && (own !== undefined || !files.isLaid)) return (Number(total) + Number(own ?? 0)) * 1024;
  const { State } = await container.inspect();
  return State.Running && !State.Paused ? 'unmeasurable' : undefined;
}

function commandFor({ isOwnWorkspace, isLaid }: MeasuredFiles): string[] {
  if (!isOwnWorkspace) return ['du', '-skcx', CODEX_HOME_PATH];
  return isLaid ? ['sh', '-c', MEASURE_LAID, 'sh', WORKSPACE_PATH, baseTree(BASE_PATH), CODEX_HOME_PATH] : ['du', '-skcx', WORKSPACE_PATH, CODEX_HOME_PATH];
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
