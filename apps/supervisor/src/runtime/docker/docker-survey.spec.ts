import { expect, it } from '@jest/globals';
import { agentKey } from '@codex-mcp/contracts';
import type { ContainerInfo, VolumeInspectInfo } from 'dockerode';
import { labelsOf, namesOf } from './container-spec.js';
import { remainsOf } from './docker-survey.js';
import { sharedCache } from './shared-cache.store.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const names = namesOf('test', agent.key);
const host = labelsOf('test', { agent, workspace: { kind: 'host', path: '/srv/code' } });
const own = labelsOf('test', { agent, workspace: { kind: 'volume' } });

const container = (Id: string, name: string, Labels = own, State = 'running') => ({ Id, Names: [`/${name}`], Labels, State, Created: 5 }) as unknown as ContainerInfo;
const volume = (Name: string, Labels: Record<string, string> | null = own) => ({ Name, Labels, CreatedAt: '2026-11-22T10:00:00Z' }) as unknown as VolumeInspectInfo;

it('one agent is a container and volumes', () => {
  expect(remainsOf('test', [container('c1', names.container)], [volume(names.workspaceVolume), volume(names.homeVolume)])).toEqual([
    { key: agent.key, spec: { agent, workspace: { kind: 'volume' } }, known: { spec: { agent, workspace: { kind: 'volume' } }, running: true, runtimeId: 'c1', createdAt: 5000 }, hasFiles: true, createdAt: 5000, doubles: [] },
  ]);
});

it('a container of another name is a double', () => {
  expect(remainsOf('test', [container('c2', 'renamed'), container('c1', names.container)], [])).toMatchObject([{ known: { runtimeId: 'c1' }, doubles: ['c2'], hasFiles: false }]);
  expect(remainsOf('test', [container('c2', 'renamed')], [])).toMatchObject([{ known: undefined, doubles: ['c2'] }]);
});

it('volumes say whose they are and what the agent worked in', () => {
  expect(remainsOf('test', [], [volume(names.homeVolume, host)])).toMatchObject([{ spec: { agent, workspace: { kind: 'host', path: '/srv/code' } }, hasFiles: true }]);
  expect(remainsOf('test', [], [volume(names.homeVolume, host), volume(names.workspaceVolume)])).toMatchObject([{ spec: { agent, workspace: { kind: 'volume' } } }]);
});

it('an agent that worked on copies goes on with the latest of them', () => {
  const copy = (path: string, CreatedAt: string) => ({ ...volume(names.copyVolume(path), labelsOf('test', { agent, workspace: { kind: 'isolated', path } })), CreatedAt });
  const volumes = [copy('/srv/old', '2026-11-22T10:00:00Z'), copy('/srv/new', '2026-11-22T11:00:00Z'), volume(names.homeVolume, host)];
  expect(remainsOf('test', [], volumes)).toMatchObject([{ spec: { workspace: { kind: 'isolated', path: '/srv/new' } }, hasFiles: true }]);
});

it('an agent whose workspace lies over a base is known from any of its volumes, but for the one that only joins others', () => {
  const labels = labelsOf('test', { agent, workspace: { kind: 'isolated', path: '/srv/code' } });
  const { tree, upper, work } = names.layerVolumes('/srv/code');
  expect(remainsOf('test', [], [volume(`${tree}-m1x2`, labels)])).toEqual([]);
  for (const name of [upper, work]) expect(remainsOf('test', [], [volume(name, labels)])).toMatchObject([{ spec: { workspace: { kind: 'isolated', path: '/srv/code' } }, hasFiles: true }]);
});

it('volumes without labels are somebody’s, and volumes of other deployments nobody’s', () => {
  expect(remainsOf('test', [], [volume(names.homeVolume, null)])).toMatchObject([{ key: agent.key.slice(0, 16), spec: undefined, hasFiles: true }]);
  expect(remainsOf('test', [], [volume(namesOf('test-2', agent.key).homeVolume), volume(`${names.homeVolume}-copy`)])).toEqual([]);
  const cache = sharedCache('test', { tenant: 'local', directory: '/srv/code', user: { uid: 1000, gid: 1000 } });
  expect(remainsOf('test', [], [volume(cache.name, cache.labels)])).toEqual([]);
});
