import { afterEach, expect, it } from '@jest/globals';
import type { Logger } from '@codex-mcp/observability';
import { describeWithDocker } from '@codex-mcp/testing';
import Docker from 'dockerode';
import { execIn } from './bounded-exec.js';
import { CODEX_HOME_PATH, ENVIRONMENTS_PATH } from './container-spec.js';
import { diskUsageOf } from './disk-usage.js';
import { HOLDER, ReadOnlyProbe } from './read-only.probe.js';

const IMAGE = 'codex-mcp-agent:latest';
const UNHURRIED_MS = 60_000;
const HURRIED_MS = 2000;

/** Has the program `$1` stop itself, before it does anything, as an agent can stop all that runs under its uid. */
const STOPPED = 'printf "#!/bin/sh\\nkill -STOP \\$\\$\\n" > "/usr/local/bin/$1" && chmod 755 "/usr/local/bin/$1"';

describeWithDocker('what is asked in an agent’s container', () => {
  const docker = new Docker();
  const started: Docker.Container[] = [];

  afterEach(async () => {
    for (const container of started.splice(0)) await container.remove({ force: true, v: true });
  });

  async function start() {
    const Mounts = [{ Type: 'bind' as const, Source: '/etc/hostname', Target: ENVIRONMENTS_PATH, ReadOnly: true }];
    const container = await docker.createContainer({ Image: IMAGE, User: '0:0', Cmd: ['sleep', '600'], Labels: { 'codex-mcp.test': 'bounded-exec' }, HostConfig: { NetworkMode: 'none', Init: true, Mounts } });
    started.push(container);
    await container.start();
    return container;
  }

  async function startWithStopped(program: string) {
    const container = await start();
    expect(await execIn(docker, container, ['sh', '-c', STOPPED, 'sh', program], UNHURRIED_MS)).toMatchObject({ exitCode: 0 });
    return container;
  }

  it('is what the command says, and how it ends', async () => {
    const container = await start();
    expect(await execIn(docker, container, ['sh', '-c', 'echo out; echo err >&2; exit 3'], UNHURRIED_MS)).toEqual({ stdout: 'out\n', stderr: 'err\n', exitCode: 3 });
    await execIn(docker, container, ['sh', '-c', `head -c 3M /dev/zero > ${CODEX_HOME_PATH}/file`], UNHURRIED_MS);
    expect(await diskUsageOf(docker, container, { isOwnWorkspace: true, isLaid: false }, UNHURRIED_MS)).toBeGreaterThan(3 * 1024 ** 2 - 1);
  });

  it('is not waited for where the agent stops the measurement with SIGSTOP', async () => {
    const container = await startWithStopped('timeout');
    expect(await diskUsageOf(docker, container, { isOwnWorkspace: true, isLaid: false }, HURRIED_MS)).toBe('unmeasurable');
  });

  it('is not waited for where the agent stops the probe of what keeps turns from writing', async () => {
    const container = await startWithStopped(HOLDER);
    const warnings: unknown[] = [];
    const logger = { warn: (fields: unknown) => warnings.push(fields) } as unknown as Logger;
    expect(await new ReadOnlyProbe(docker, logger, HURRIED_MS).of(await container.inspect(), true)).toBe('compared');
    expect(warnings).toEqual([expect.objectContaining({ seen: expect.stringContaining('no answer') })]);
  });

  it('is not taken in where the agent answers without an end', async () => {
    const container = await start();
    await expect(execIn(docker, container, ['yes'], UNHURRIED_MS)).rejects.toThrow('more than was asked for');
  });
});
