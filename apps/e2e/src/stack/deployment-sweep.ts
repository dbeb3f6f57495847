import { engineSweep } from '@codex-mcp/testing';
import Docker from 'dockerode';

/** Removes what a deployment has on the engine: its containers, and its volumes, which carry no label. */
export async function sweepDeployment(deployment: string): Promise<void> {
  const docker = new Docker();
  await engineSweep(`codex-mcp.deployment=${deployment}`, docker);
  const prefix = `codex-mcp-${deployment}-`;
  const { Volumes: volumes } = await docker.listVolumes({ filters: { name: [prefix] } });
  const own = volumes.filter(({ Name }) => Name.startsWith(prefix));
  await Promise.all(own.map(({ Name }) => docker.getVolume(Name).remove({ force: true })));
}
