import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { describeWithDocker, engineSweep } from '@codex-mcp/testing';
import Docker from 'dockerode';
import { CACHE_PATH, LABELS, newVolumeMount } from './container-spec.js';
import { type CacheUser, sharedCache, SharedCacheStore } from './shared-cache.store.js';

jest.setTimeout(120_000); // containers on a busy machine

const docker = new Docker();
const user = { uid: 1000, gid: 1000 };

describeWithDocker('shared caches', () => {
  let deployment: string;

  beforeEach(() => {
    deployment = `int-${randomBytes(4).toString('hex')}`;
  });
  afterEach(async () => engineSweep(`${LABELS.deployment}=${deployment}`));

  const tidy = (...users: CacheUser[]) => new SharedCacheStore(docker, deployment).tidy(async () => users);
  const volumes = async () => (await docker.listVolumes({ filters: { label: [`${LABELS.deployment}=${deployment}`] } })).Volumes.map(({ Name }) => Name).toSorted();
  const make = async (tenant: string, directory: string) => {
    const { name, labels } = sharedCache(deployment, { tenant, directory, user });
    await docker.createVolume({ Name: name, Labels: labels });
    return name;
  };

  it('stay while an agent of their tenant and directory is left, with or without a container', async () => {
    const [used] = [await make('local', '/srv/code'), await make('other', '/srv/code'), await make('local', '/srv/else')];
    await docker.createVolume({ Name: `codex-mcp-${deployment}-workspace`, Labels: { [LABELS.deployment]: deployment } });
    await tidy({ tenant: 'local', directory: '/srv/code' });
    expect(await volumes()).toEqual([used, `codex-mcp-${deployment}-workspace`].toSorted());
  });

  it('that a container still has are left to a later time', async () => {
    const { name, labels } = sharedCache(deployment, { tenant: 'local', directory: '/srv/code', user });
    const container = await docker.createContainer({ Image: 'codex-mcp-agent:latest', Labels: labels, HostConfig: { NetworkMode: 'none', Mounts: [newVolumeMount(name, CACHE_PATH, labels)] } });
    await tidy();
    expect(await volumes()).toEqual([name]);
    await container.remove();
    await tidy();
    expect(await volumes()).toEqual([]);
  });
});
