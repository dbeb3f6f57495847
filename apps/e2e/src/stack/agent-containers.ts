import { text } from 'node:stream/consumers';
import Docker from 'dockerode';

export const docker = new Docker();

/** The containers of a deployment, or those of one agent, running or not. */
export async function containersOf(deployment: string, agentId?: string): Promise<Docker.ContainerInfo[]> {
  const label = [`codex-mcp.deployment=${deployment}`, ...(agentId === undefined ? [] : [`codex-mcp.agent-id=${agentId}`])];
  return docker.listContainers({ all: true, filters: { label } });
}

/** The names of a deployment's volumes. */
export async function volumesOf(deployment: string): Promise<string[]> {
  const prefix = `codex-mcp-${deployment}-`;
  const { Volumes: volumes } = await docker.listVolumes({ filters: { name: [prefix] } });
  return volumes.map(({ Name }) => Name).filter((name) => name.startsWith(prefix));
}

/** The one container of an agent; rejects when there is none, or more than one. */
export async function containerOf(deployment: string, agentId: string): Promise<Docker.Container> {
  const found = await containersOf(deployment, agentId);
  if (found.length !== 1 || !found[0]) throw new Error(`agent ${agentId} of ${deployment} has ${found.length} containers`);
  return docker.getContainer(found[0].Id);
}

/** Runs a command in a container, as the container's user; resolves with what it printed. */
export async function execIn(container: Docker.Container, ...command: string[]): Promise<string> {
  const exec = await container.exec({ Cmd: command, Tty: true, AttachStdout: true, AttachStderr: true });
  return text(await exec.start({ Tty: true }));
}

/** The command lines of the processes in a container. */
export async function commandsIn(container: Docker.Container): Promise<string[]> {
  const { Titles: titles, Processes: processes } = (await container.top()) as { Titles: string[]; Processes: string[][] };
  const column = titles.findIndex((title) => /^(CMD|COMMAND)$/.test(title));
  return processes.map((fields) => fields[column] ?? '');
}
