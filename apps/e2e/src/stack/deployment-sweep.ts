import { engineSweep } from '@codex-mcp/testing';
import { docker, volumesOf } from './agent-containers.js';

/** Removes what a deployment has on the engine: its containers and its volumes. */
export async function sweepDeployment(deployment: string): Promise<void> {
  await engineSweep(`codex-mcp.deployment=${deployment}`, docker);
  await Promise.all((await volumesOf(deployment)).map((name) => docker.getVolume(name).remove({ force: true })));
}
