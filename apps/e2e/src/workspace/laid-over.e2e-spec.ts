import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { describeWithDocker, eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Changes } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containerOf, docker, execIn, volumesOf } from '../stack/agent-containers.js';
import { outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { makeLargeRepository } from './large-repository.js';

jest.setTimeout(240_000); // 10,000 files on a busy machine

/** Names, kinds, modes, owners, times and contents of all that is in a base. */
const FINGERPRINT = 'cd /base && { find . -printf "%p %y %m %U %T@ %l\\n" | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum';

describeWithDocker('copies of one large directory', () => {
  let stack: Stack;
  let client: Client;
  let roots: TemporaryDirectory;
  let workspace: string;

  beforeAll(async () => {
    roots = await temporaryDirectory();
    workspace = await makeLargeRepository(join(roots.path, 'large'), 10_000);
    stack = await startStack({ env: { WORKSPACE_ROOTS: roots.path } });
    client = await stack.httpClient('layers');
  });
  afterAll(async () => {
    await stack.stop();
    await roots.remove();
  });

  const volumes = async (kind: string) => (await volumesOf(stack.deployment)).filter((name) => name.includes(kind));
  const fingerprint = async (agentId: string) => execIn(await containerOf(stack.deployment, agentId), 'sh', '-c', FINGERPRINT);
  const changes = async (agentId: string) => Changes.parse(await outputOf(client, 'get_diff', { agent_id: agentId })).files.map(({ status, path }) => `${status} ${path}`).toSorted();

  it('lie over one base, which no change of theirs reaches, and see nothing of each other', async () => {
    await Promise.all(['one', 'two'].map((agent_id) => outputOf(client, 'open_workspace', { agent_id, workspace })));
    expect(await volumes('-tree-')).toHaveLength(2);
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
    await outputOf(client, 'cleanup_inactive_agents', { max_idle_seconds: 0, remove: true });
    await eventually(async () => expect((await volumesOf(stack.deployment)).filter((name) => !name.includes('-base-'))).toEqual([]));
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(`codex-mcp-${stack.deployment}-`);
    const { Volumes: left } = await docker.listVolumes({ filters: { label: [`codex-mcp.deployment=${stack.deployment}`] } });
    expect(left.filter(({ Name }) => !Name.includes('-base-'))).toEqual([]);
  });

  it('are copies where the engine cannot lay them over the base', async () => {
    const [name = ''] = await volumes('-base-');
    const { Config, HostConfig } = await docker.getContainer(name).inspect();
    await docker.getContainer(name).remove();
    await docker.getVolume(name).remove();
    const without = await docker.createContainer({ ...Config, HostConfig, name, Cmd: ['true'] });
    await without.start();
    await without.wait();
    expect(await runInAgent(client, 'cat d9/f9.txt | head -n 1', { agent_id: 'four', workspace })).toBe('line 0 of the file with number 909');
    expect(await volumes('-copy-')).toHaveLength(1);
    expect(await volumes('-tree-')).toEqual([]);
  });
});
