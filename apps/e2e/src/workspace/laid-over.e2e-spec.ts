import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { readHeartbeats } from '@codex-mcp/messaging';
import { describeWithDocker, eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Changes } from '@codex-mcp/tools';
import type Docker from 'dockerode';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containerOf, docker, execIn, volumesOf } from '../stack/agent-containers.js';
import { outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { makeLargeRepository } from './large-repository.js';

jest.setTimeout(240_000); // 10,000 files on a busy machine

/** Names, kinds, sizes, modes, owners and times of all that is in a base, and the contents but for objects, whose names are their sums. */
const FINGERPRINT = 'cd /base && { find . -printf "%p %y %s %m %U %T@ %l\\n" | sort; find tree shadow.git -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum';

describeWithDocker('copies of one large directory', () => {
  let stack: Stack;
  let client: Client;
  let roots: TemporaryDirectory;
  let workspace: string;

  beforeAll(async () => {
    roots = await temporaryDirectory();
    workspace = await makeLargeRepository(join(roots.path, 'large'), 10_000);
    stack = await startStack({ ownRedis: true, env: { WORKSPACE_ROOTS: roots.path } });
    client = await stack.httpClient('layers');
  });
  afterAll(async () => {
    await stack.stop();
    await roots.remove();
  });

  const volumes = async (kind: string) => (await volumesOf(stack.deployment)).filter((name) => name.includes(kind));
  const makers = (directory: string) => docker.listContainers({ all: true, filters: { label: [`codex-mcp.deployment=${stack.deployment}`, `codex-mcp.base-directory=${directory}`] } });
  /** The one base of a directory, when it is made; on a slow machine the first agent does not wait for that. */
  const baseOf = (directory: string) =>
    eventually(
      async () => {
        const made = (await makers(directory)).filter(({ State, Status }) => State === 'exited' && Status.startsWith('Exited (0)'));
        expect(made).toHaveLength(1);
        return made[0]?.Names[0]?.slice(1) ?? '';
      },
      { timeoutMs: 120_000 },
    );
  const laidOver = async (...agentIds: string[]) => {
    const { Volumes: found } = await docker.listVolumes({ filters: { label: [`codex-mcp.deployment=${stack.deployment}`, 'codex-mcp.laid-over'] } });
    return found.filter(({ Name, Labels }) => Name.includes('-tree-') && agentIds.includes(Labels['codex-mcp.agent-id'] ?? ''));
  };
  const fingerprint = async (agentId: string) => execIn(await containerOf(stack.deployment, agentId), 'sh', '-c', FINGERPRINT);
  const changes = async (agentId: string) => Changes.parse(await outputOf(client, 'get_diff', { agent_id: agentId })).files.map(({ status, path }) => `${status} ${path}`).toSorted();

  it('lie over one base, which no change of theirs reaches, and see nothing of each other', async () => {
    await outputOf(client, 'open_workspace', { agent_id: 'zero', workspace });
    await baseOf(workspace);
    await Promise.all(['one', 'two'].map((agent_id) => outputOf(client, 'open_workspace', { agent_id, workspace })));
    expect(await laidOver('one', 'two')).toHaveLength(2);
    expect(await volumes('-base-')).toHaveLength(1);
    const before = await fingerprint('two');
    const seen = await runInAgent(client, 'git status --porcelain; git branch --show-current; echo new > d0/f0.txt; rm -r d1; chmod +x d2/f0.txt; mv d3 moved; git mv d4/f0.txt d4/renamed.txt; echo x > added.txt; touch /base/planted', { agent_id: 'one' });
    expect(seen).toMatch(/^codex\/one\n.*Read-only file system$/);
    expect(await runInAgent(client, 'git status --porcelain; cat d0/f0.txt | head -n 1; ls d1 d3 | wc -l; stat -c %a d2/f0.txt; ls added.txt', { agent_id: 'two' })).toMatch(/^line 0 of the file with number 0\n203\n644\nls: /);
    expect(await fingerprint('two')).toBe(before);
    expect(await changes('two')).toEqual([]);
    const changed = await changes('one');
    expect(changed.filter((line) => !/deleted d1\/|moved\//.test(line))).toEqual(['added added.txt', 'modified d0/f0.txt', 'modified d2/f0.txt', 'renamed d4/renamed.txt']);
    expect(changed.filter((line) => line.startsWith('deleted d1/'))).toHaveLength(100);
  });

  it('begin with what the directory is by then, and follow it', async () => {
    await writeFile(join(workspace, 'd5/f5.txt'), 'edited since the base was made\n');
    expect(await runInAgent(client, 'cat d5/f5.txt', { agent_id: 'three', workspace })).toBe('edited since the base was made');
    await writeFile(join(workspace, 'd5/f6.txt'), 'edited since then\n');
    expect(await runInAgent(client, 'cat d5/f6.txt; echo mine > d5/f7.txt', { agent_id: 'three' })).toBe('edited since then');
    expect(await changes('three')).toEqual(['modified d5/f7.txt']);
    expect(await volumes('-base-')).toHaveLength(1);
    expect(await outputOf(client, 'apply', { agent_id: 'three' })).toMatchObject({ applied: true });
    expect(await readFile(join(workspace, 'd5/f7.txt'), 'utf8')).toBe('mine\n');
  });

  it('outlast their containers, and leave nothing when they are removed', async () => {
    await (await containerOf(stack.deployment, 'one')).remove({ force: true });
    expect(await runInAgent(client, 'cat d0/f0.txt; ls d1 2>&1 | tail -n 1', { agent_id: 'one' })).toMatch(/^new\nls: /);
    // As an engine does that was restarted under a running container.
    const [held] = await laidOver('two');
    const holder = await docker.createContainer({ Image: 'codex-mcp-agent:latest', Labels: { 'codex-mcp.deployment': stack.deployment }, HostConfig: { Mounts: [{ Type: 'volume', Source: held?.Name ?? '', Target: '/workspace', VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } } }] } });
    await outputOf(client, 'cleanup_inactive_agents', { max_idle_seconds: 0, remove: true });
    await eventually(async () => expect((await volumesOf(stack.deployment)).filter((name) => !name.includes('-base-') && name !== held?.Name)).toEqual([]));
    expect(await outputOf(client, 'list_sessions')).toMatchObject({ sessions: [] });
    await holder.remove();
    await eventually(async () => expect((await volumesOf(stack.deployment)).filter((name) => !name.includes('-base-'))).toEqual([]), { timeoutMs: 60_000 });
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(`codex-mcp-${stack.deployment}-`);
    const { Volumes: left } = await docker.listVolumes({ filters: { label: [`codex-mcp.deployment=${stack.deployment}`] } });
    expect(left.filter(({ Name }) => !Name.includes('-base-'))).toEqual([]);
  });

  it('have one whole base also where the supervisor is killed while it is made', async () => {
    const other = await makeLargeRepository(join(roots.path, 'other'), 2000);
    const { pid } = (await readHeartbeats(stack.redis())).find(({ service }) => service === 'supervisor') ?? {};
    if (pid === undefined) throw new Error('there is no supervisor');
    const opened = outputOf(client, 'open_workspace', { agent_id: 'five', workspace: other });
    await eventually(async () => expect(await makers(other)).toHaveLength(1), { timeoutMs: 60_000 });
    process.kill(pid, 'SIGKILL');
    expect(await opened).toMatchObject({ mode: 'isolated', changed_files: 0 });
    await baseOf(other);
    expect(await runInAgent(client, 'git status --porcelain; ls | wc -l', { agent_id: 'five' })).toBe('20');
    expect(await runInAgent(client, 'git status --porcelain; ls | wc -l', { agent_id: 'six', workspace: other })).toBe('20');
    expect(await laidOver('six')).toHaveLength(1);
    await outputOf(client, 'cleanup_inactive_agents', { max_idle_seconds: 0, remove: true });
  });

  it('are copies where the engine cannot lay them over the base', async () => {
    const name = await baseOf(workspace);
    expect(await laidOver('zero', 'one', 'two', 'three')).toEqual([]);
    const Mounts: Docker.MountSettings[] = [{ Type: 'volume', Source: name, Target: '/workspace', VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } } }];
    const spoiler = await docker.createContainer({ Image: 'codex-mcp-agent:latest', User: '0:0', Cmd: ['rm', '-rf', '/workspace/tree'], HostConfig: { NetworkMode: 'none', Mounts } });
    await spoiler.start();
    await spoiler.wait();
    await spoiler.remove();
    expect(await runInAgent(client, 'cat d9/f9.txt | head -n 1', { agent_id: 'four', workspace })).toBe('line 0 of the file with number 909');
    expect(await volumes('-copy-')).toHaveLength(1);
    expect(await laidOver('four')).toEqual([]);
  });
});
