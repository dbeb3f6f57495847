import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { agentKey } from '@codex-mcp/contracts';
import { createLogger } from '@codex-mcp/observability';
import { describeWithDocker, engineSweep, eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import Docker from 'dockerode';
import { baseName, type BaseSource, keyOf, makerSpec } from './base-spec.js';
import { BaseStore } from './base.store.js';
import { type ContainerLimits, LABELS, namesOf } from './container-spec.js';
import { LayerStore } from './layer.store.js';

jest.setTimeout(120_000); // containers on a busy machine

const docker = new Docker();

describeWithDocker('bases', () => {
  let directory: TemporaryDirectory;
  let source: BaseSource;
  let limits: ContainerLimits;

  beforeEach(async () => {
    directory = await temporaryDirectory();
    const uid = process.getuid?.() ?? 0;
    source = { tenant: 'local', directory: directory.path, user: { uid, gid: process.getgid?.() ?? 0 } };
    limits = { deployment: `int-${randomBytes(4).toString('hex')}`, image: 'codex-mcp-agent:latest', cpus: 1, memoryBytes: 512 * 1024 * 1024 };
    await writeFile(join(directory.path, 'a.txt'), 'one\n');
  });
  afterEach(async () => {
    await engineSweep(`${LABELS.deployment}=${limits.deployment}`);
    await directory.remove();
  });

  /** A supervisor's; another one knows nothing of it. */
  const openStore = () => new BaseStore(docker, createLogger('supervisor', 'info', new PassThrough().resume()), limits);
  const volumes = async () => (await docker.listVolumes({ filters: { label: [`${LABELS.deployment}=${limits.deployment}`] } })).Volumes.map(({ Name }) => Name).toSorted();
  const maker = (atMs: number, changed: object = {}) => docker.createContainer({ ...makerSpec(baseName(limits.deployment, keyOf(source), atMs), source, limits), ...changed });

  it('are made once for all who ask, and again for another tenant', async () => {
    const store = openStore();
    const names = await Promise.all([store.newest(source), store.newest(source), store.newest({ ...source, tenant: 'other' })]);
    expect(names[0]).toBe(names[1]);
    expect(await openStore().newest(source)).toBe(names[0]);
    expect(new Set(await volumes())).toEqual(new Set(names));
  });

  it('that a killed supervisor has left half made are not used', async () => {
    await maker(1); // never started
    const failed = await maker(2, { Cmd: ['false'] });
    await failed.start();
    await failed.wait();
    const store = openStore();
    const name = await store.newest(source);
    expect(await volumes()).toHaveLength(3);
    await store.tidy();
    expect(await volumes()).toEqual([name]);
  });

  it('that the engine goes on making are waited for', async () => {
    const begun = await maker(1);
    await begun.start();
    expect(await openStore().newest(source)).toBe(baseName(limits.deployment, keyOf(source), 1));
    expect(await volumes()).toHaveLength(1);
  });

  it('are renewed when the directory has become another, and go when nothing lies over them any more', async () => {
    const store = openStore();
    const first = (await store.newest(source)) ?? '';
    await store.tidy();
    await Promise.all(Array.from({ length: 600 }, (_, at) => writeFile(join(directory.path, `new${at}.txt`), `${at}\n`)));
    await store.newest(source);
    await store.tidy();
    await eventually(async () => expect(await openStore().newest(source)).not.toBe(first), { timeoutMs: 60_000 });
    await docker.createVolume({ Name: `${first}-layer`, Labels: { [LABELS.deployment]: limits.deployment, [LABELS.laidOver]: first, [LABELS.joinedBy]: 'x' } });
    await openStore().tidy();
    expect(await volumes()).toContain(first);
    await docker.getVolume(`${first}-layer`).remove();
    await openStore().tidy();
    expect(await volumes()).not.toContain(first);
    expect(await volumes()).toHaveLength(1);
  });

  it('and what joined them to volumes that are gone', async () => {
    const { tree, upper } = namesOf(limits.deployment, agentKey('local', 'a')).layerVolumes('/srv/code');
    const labels = { [LABELS.deployment]: limits.deployment, [LABELS.laidOver]: 'base' };
    for (const stamp of ['1', '2']) await docker.createVolume({ Name: `${tree}-${stamp}`, Labels: labels });
    await docker.createVolume({ Name: upper, Labels: { ...labels, [LABELS.joinedBy]: `${tree}-2` } });
    await new LayerStore(docker, openStore(), limits).tidy();
    expect(new Set(await volumes())).toEqual(new Set([`${tree}-2`, upper]));
  });

  it('whose containers somebody has removed are no bases', async () => {
    const name = (await openStore().newest(source)) ?? '';
    await docker.getContainer(name).remove();
    await openStore().tidy();
    expect(await volumes()).toEqual([]);
  });

  it('that cannot be made leave nothing', async () => {
    expect(await openStore().newest({ ...source, directory: join(directory.path, 'missing') })).toBeUndefined();
    expect(await volumes()).toEqual([]);
  });
});
