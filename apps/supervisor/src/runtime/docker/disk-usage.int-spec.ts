import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, expect, it, jest } from '@jest/globals';
import { agentKey } from '@codex-mcp/contracts';
import { createLogger } from '@codex-mcp/observability';
import { describeWithDocker, engineSweep, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import Docker from 'dockerode';
import type { BaseSource } from './base-spec.js';
import { BaseStore } from './base.store.js';
import { execIn } from './bounded-exec.js';
import { BASE_PATH, type ContainerLimits, LABELS, presentVolumeMount, WORKSPACE_PATH } from './container-spec.js';
import { diskUsageOf } from './disk-usage.js';
import { LayerStore } from './layer.store.js';

jest.setTimeout(120_000); // containers on a busy machine

const MB = 1024 ** 2;
const [SHARED_BYTES, OWN_BYTES] = [24 * MB, 8 * MB];
const docker = new Docker();

describeWithDocker('the disk that an agent takes', () => {
  const limits: ContainerLimits = { deployment: `int-${randomBytes(4).toString('hex')}`, image: 'codex-mcp-agent:latest', cpus: 1, memoryBytes: 512 * MB };
  let directory: TemporaryDirectory;

  afterEach(async () => {
    await engineSweep(`${LABELS.deployment}=${limits.deployment}`);
    await directory.remove();
  });

  /** An agent's container, whose workspace is laid over a base of a thousand small files and a large one. */
  async function startLaid(): Promise<Docker.Container> {
    const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    await mkdir(join(directory.path, 'small'));
    await Promise.all(Array.from({ length: 1000 }, (_, at) => writeFile(join(directory.path, 'small', `${at}`), `${at}\n`)));
    await writeFile(join(directory.path, 'large'), randomBytes(SHARED_BYTES));
    const source: BaseSource = { tenant: 'local', directory: directory.path, user };
    const spec = { agent: { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' }, workspace: { kind: 'isolated' as const, path: directory.path } };
    const layers = new LayerStore(docker, new BaseStore(docker, createLogger('supervisor', 'info', new PassThrough().resume()), limits), limits);
    const layer = await layers.of(spec, source, directory.path);
    const Mounts = [presentVolumeMount(layer?.tree ?? '', WORKSPACE_PATH, false), presentVolumeMount(layer?.base ?? '', BASE_PATH, true)];
    const container = await docker.createContainer({ Image: limits.image, User: `${user.uid}:${user.gid}`, Cmd: ['sleep', '600'], Labels: { [LABELS.deployment]: limits.deployment }, HostConfig: { NetworkMode: 'none', Init: true, Mounts } });
    await container.start();
    return container;
  }

  it('is what it has written, not the base that its workspace is laid over, nor less for what it deletes of that', async () => {
    directory = await temporaryDirectory();
    const container = await startLaid();
    const measure = () => diskUsageOf(docker, container, { isOwnWorkspace: true, isLaid: true });
    const run = async (script: string) => expect(await execIn(docker, container, ['sh', '-c', script], 60_000)).toMatchObject({ exitCode: 0 });
    expect(await measure()).toBeLessThan(MB);
    await run(`head -c ${OWN_BYTES} /dev/zero > own && ln own same && rm large && echo more >> small/7`);
    const used = await measure();
    expect(used).toBeGreaterThanOrEqual(OWN_BYTES);
    expect(used).toBeLessThan(OWN_BYTES + MB);
    await run(`cp -a own another && touch -d 2000-01-01 another`);
    expect(await measure()).toBeGreaterThanOrEqual(2 * OWN_BYTES);
  });
});
