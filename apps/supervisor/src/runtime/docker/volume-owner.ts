import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';
import { AppError } from '@codex-mcp/contracts';

/**
 * Gives an agent's volumes at these paths to the user that it is from now on: it is the owner of the directory that it works on, and may
 * have been somebody else before. The only container of ours that has root in it; it runs one fixed command, without network.
 */
export async function giveVolumesTo(docker: Docker, agent: ContainerCreateOptions, paths: string[], user: { uid: number; gid: number }): Promise<void> {
  const volumes = (agent.HostConfig?.Mounts ?? []).filter(({ Type, Target }) => Type === 'volume' && paths.includes(Target));
  const container = await docker.createContainer({
    Image: agent.Image ?? '',
    User: '0:0',
    Entrypoint: ['chown', '--recursive', '--no-dereference', `${user.uid}:${user.gid}`, '--'],
    Cmd: volumes.map(({ Target }) => Target),
    HostConfig: { AutoRemove: true, ReadonlyRootfs: true, CapDrop: ['ALL'], CapAdd: ['CHOWN', 'DAC_OVERRIDE'], SecurityOpt: ['no-new-privileges'], NetworkMode: 'none', Mounts: volumes },
  });
  const ended = container.wait({ condition: 'next-exit' }) as Promise<{ StatusCode: number }>;
  ended.catch(() => undefined);
  await container.start();
  const { StatusCode: code } = await ended;
  if (code !== 0) throw new AppError('agent_start_failed', 'The agent’s files could not be given to the owner of the directory that it is to work on. Give another agent_id.');
}

/** Codex does not put its socket in the place of another user's. */
export async function removeSockets(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true, force: true });
}
