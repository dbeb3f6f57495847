import { spawnSync } from 'node:child_process';
import Docker from 'dockerode';

const pingTimeoutMs = 5_000;

// Jest collects suites synchronously, so the engine is asked from a child process.
const pingScript = `
  const http = require('node:http');
  const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  const target = host.startsWith('unix://')
    ? { socketPath: host.slice('unix://'.length) }
    : { host: new URL(host).hostname, port: new URL(host).port };
  http
    .get({ ...target, path: '/_ping' }, (response) => process.exit(response.statusCode === 200 ? 0 : 1))
    .on('error', () => process.exit(1));
`;

let isAvailable: boolean | undefined;

/** Whether a Docker engine answers at DOCKER_HOST or at the default socket. Asked once per process. */
export function dockerAvailable(): boolean {
  isAvailable ??= spawnSync(process.execPath, ['-e', pingScript], { timeout: pingTimeoutMs, env: process.env }).status === 0;
  return isAvailable;
}

interface JestGlobals {
  describe: { (name: string, suite: () => void): void; skip(name: string, suite: () => void): void };
  test(name: string, run: () => void): void;
}

/**
 * A Jest suite that needs a Docker engine. Without one it is skipped with a warning, or, where REQUIRE_DOCKER=1,
 * it fails. Uses Jest's globals: '@jest/globals' cannot be imported outside of Jest, and this package can.
 */
export function describeWithDocker(name: string, suite: () => void): void {
  const jest = globalThis as unknown as JestGlobals;
  if (dockerAvailable()) return jest.describe(name, suite);
  const problem = `no Docker engine answers at ${process.env['DOCKER_HOST'] ?? '/var/run/docker.sock'}`;
  if (process.env['REQUIRE_DOCKER'] === '1') {
    return jest.describe(name, () => {
      jest.test('needs Docker', () => {
        throw new Error(`${problem}, and REQUIRE_DOCKER=1 forbids skipping`);
      });
    });
  }
  process.stderr.write(`\nSKIPPED: "${name}" needs Docker, and ${problem}. Set REQUIRE_DOCKER=1 to fail instead.\n`);
  jest.describe.skip(`${name} (skipped: ${problem})`, suite);
}

export interface SweepResult {
  readonly containers: number;
  readonly volumes: number;
  readonly networks: number;
}

/**
 * Removes all containers, running or not, volumes and networks with a label (`key` or `key=value`).
 * Rejects when the label is empty, or when a volume or network is still used by a container without it.
 */
export async function engineSweep(label: string, docker: Docker = new Docker()): Promise<SweepResult> {
  // To the engine an empty filter means everything.
  if (label.trim() === '') throw new Error('engineSweep needs a label: without one it would remove everything');
  const filters = { label: [label] };
  const containers = await docker.listContainers({ all: true, filters });
  // Docker 20.10 can lock up when many are removed at the same time.
  for (const { Id } of containers) await removeContainer(docker.getContainer(Id));
  const { Volumes: volumes } = await docker.listVolumes({ filters });
  await Promise.all(volumes.map(async ({ Name }) => unless([gone], docker.getVolume(Name).remove({ force: true }))));
  const networks = await docker.listNetworks({ filters });
  await Promise.all(networks.map(async ({ Id }) => unless([gone], docker.getNetwork(Id).remove())));
  return { containers: containers.length, volumes: volumes.length, networks: networks.length };
}

const gone = 404;
const removalInProgress = 409;

async function removeContainer(container: Docker.Container): Promise<void> {
  await unless([gone, removalInProgress], container.remove({ force: true, v: true }));
}

async function unless(accepted: readonly number[], removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!accepted.includes((error as { statusCode?: number }).statusCode ?? 0)) throw error;
  }
}
