import { afterEach, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import type { Logger } from '@codex-mcp/observability';
import Docker from 'dockerode';
import type { HostConfig } from 'dockerode';
import { ENVIRONMENTS_PATH } from './container-spec.js';
import { ReadOnlyProbe } from './read-only.probe.js';

const IMAGE = 'codex-mcp-agent:latest';
const MOUNTED = { Mounts: [{ Type: 'bind' as const, Source: '/etc/hostname', Target: ENVIRONMENTS_PATH, ReadOnly: true }] };
/** As an engine whose profile does not know Landlock. */
const WITHOUT_LANDLOCK = `seccomp=${JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['landlock_create_ruleset'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }] })}`;

describeWithDocker('what keeps turns from writing', () => {
  const docker = new Docker();
  const started: Docker.Container[] = [];
  const warnings: unknown[] = [];
  const logger = { warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;

  afterEach(async () => {
    for (const container of started.splice(0)) await container.remove({ force: true, v: true });
    warnings.length = 0;
  });

  async function start(HostConfig: HostConfig = {}) {
    const container = await docker.createContainer({ Image: IMAGE, Cmd: ['sleep', '600'], Labels: { 'codex-mcp.test': 'read-only-probe' }, HostConfig: { NetworkMode: 'none', ...MOUNTED, ...HostConfig } });
    started.push(container);
    await container.start();
    return container.inspect();
  }

  it('is enforced where the program in the image holds, and asked once for an image', async () => {
    const probe = new ReadOnlyProbe(docker, logger);
    const container = await start();
    expect(await probe.of(container, true)).toBe('enforced');
    await docker.getContainer(container.Id).stop({ t: 0 });
    expect(await probe.of({ ...container, Id: 'another one' }, true)).toBe('enforced');
    expect(warnings).toEqual([]);
  });

  it('is a comparison where the engine does not let Landlock through, which is told', async () => {
    expect(await new ReadOnlyProbe(docker, logger).of(await start({ SecurityOpt: [WITHOUT_LANDLOCK] }), true)).toBe('compared');
    expect(warnings).toEqual([expect.objectContaining({ seen: expect.stringContaining('Landlock is not offered') })]);
  });

  it('in a container of an earlier version is a comparison, and one that cannot be asked is asked again', async () => {
    const probe = new ReadOnlyProbe(docker, logger);
    expect(await probe.of(await start({ Mounts: [] }), true)).toBe('compared');
    const container = await start();
    expect(await probe.of({ ...container, Id: 'gone' }, true)).toBe('compared');
    expect(await probe.of(container, true)).toBe('enforced');
  });
});
