import { expect, it } from '@jest/globals';
import { agentKey, type Workspace } from '@codex-mcp/contracts';
import { CACHE_PATH, containerSpec, LABELS } from './container-spec.js';
import { ConfigError } from '@codex-mcp/config';
import { checkRuntime } from '../runtime.factory.js';
import { sharedCache } from './shared-cache.store.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const user = { uid: 1000, gid: 1000 };
const hostPaths = { appServer: '/run/app', gateway: '/run/gateway', config: '/run/config.toml', environments: '/run/environments.toml', workspace: '/srv/code' };
const limits = { deployment: 'test', image: 'agent:latest', cpus: 1, memoryBytes: 1024 };
const source = { tenant: 'local', directory: '/srv/code', user };
const cache = sharedCache('test', source);

const specOf = (workspace: Workspace, shared?: typeof cache) => containerSpec({ ...limits, spec: { agent, workspace }, user, hostPaths, cache: shared });
const cacheMounts = (spec: ReturnType<typeof specOf>) => (spec.HostConfig?.Mounts ?? []).filter(({ Target }) => Target === CACHE_PATH);

it.each<Workspace>([{ kind: 'host', path: '/srv/code' }, { kind: 'isolated', path: '/srv/code' }])('an agent of a shared cache has it as a volume that is nobody’s own ($kind)', (workspace) => {
  const [mount, ...more] = cacheMounts(specOf(workspace, cache));
  expect(more).toEqual([]);
  expect(mount).toMatchObject({ Type: 'volume', Source: cache.name, VolumeOptions: { NoCopy: false, Labels: { [LABELS.deployment]: 'test', [LABELS.tenant]: 'local' } } });
  expect(mount?.ReadOnly ?? false).toBe(false);
  expect(mount?.VolumeOptions?.Labels).not.toHaveProperty([LABELS.key]);
  expect(cacheMounts(specOf(workspace))).toEqual([]);
});

it('the container is another one with a shared cache than without', () => {
  const fingerprint = (shared?: typeof cache) => specOf({ kind: 'host', path: '/srv/code' }, shared).Labels?.[LABELS.spec];
  expect(fingerprint(cache)).toBe(fingerprint(cache));
  expect(fingerprint(cache)).not.toBe(fingerprint());
});

it('a shared cache is one tenant’s, for one directory and one user', () => {
  expect(sharedCache('test', { ...source }).name).toBe(cache.name);
  for (const other of [{ tenant: 'other' }, { directory: '/srv/code2' }, { user: { uid: 1001, gid: 1000 } }]) expect(sharedCache('test', { ...source, ...other }).name).not.toBe(cache.name);
});

it('a container has the runtime and the largest file that the operator names, or the engine’s own', () => {
  const hostConfig = (more: object) => containerSpec({ ...limits, ...more, spec: { agent, workspace: { kind: 'volume' } }, user, hostPaths }).HostConfig;
  expect(hostConfig({ runtime: 'runsc', maxFileBytes: 5 })).toMatchObject({ Runtime: 'runsc', Ulimits: expect.arrayContaining([{ Name: 'fsize', Soft: 5, Hard: 5 }]) });
  expect(hostConfig({})).not.toHaveProperty('Runtime');
});

it('a runtime that the engine does not know is no reason to take another', () => {
  expect(() => checkRuntime('runsc', ['runc'])).toThrow(ConfigError);
  expect(() => checkRuntime('runsc', ['runc'])).toThrow(/AGENT_CONTAINER_RUNTIME is "runsc".*it has runc/);
  checkRuntime('runsc', ['runc', 'runsc']);
  checkRuntime(undefined, []);
});
