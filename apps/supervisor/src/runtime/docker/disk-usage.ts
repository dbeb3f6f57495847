import { statfs } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import { CODEX_HOME_PATH, WORKSPACE_PATH } from './container-spec.js';

const TIMEOUT_S = 60;

/**
 * What an agent's files take on the disk, measured in its container as the agent itself; undefined where that cannot be
 * done now. What the agent hides from itself is not counted.
 */
export async function diskUsageOf(docker: Docker, container: Docker.Container, isOwnWorkspace: boolean): Promise<number | undefined> {
  const paths = isOwnWorkspace ? [WORKSPACE_PATH, CODEX_HOME_PATH] : [CODEX_HOME_PATH];
  try {
    const exec = await container.exec({ Cmd: ['timeout', String(TIMEOUT_S), 'nice', '-n', '19', 'du', '-skcx', ...paths], AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    const [output, errors] = [new PassThrough(), new PassThrough()];
    docker.modem.demuxStream(stream, output, errors.resume());
    stream.once('end', () => output.end()).once('error', (error) => output.destroy(error));
    const total = /^(\d+)\s+total$/m.exec(await text(output))?.[1];
    return total === undefined ? undefined : Number(total) * 1024;
  } catch {
    return undefined;
  }
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
