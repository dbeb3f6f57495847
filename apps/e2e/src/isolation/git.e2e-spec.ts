import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBareRepository, describeWithDocker, type GitServer, startGitServer, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

const PASSWORD = 'canary-of-the-git-host';

describeWithDocker('git in an agent', () => {
  let directory: TemporaryDirectory;
  let server: GitServer;
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    await createBareRepository(join(directory.path, 'project.git'), 'hello from the host\n');
    server = await startGitServer(directory.path, { authorization: `Basic ${Buffer.from(`ada:${PASSWORD}`).toString('base64')}` });
    const credentials = join(directory.path, 'credentials');
    await writeFile(credentials, `http://ada:${PASSWORD}@${server.host}\n`, { mode: 0o600 });
    stack = await startStack({ env: { GIT_HOSTS: server.host, GIT_CREDENTIALS_FILE: credentials } });
    client = await stack.httpClient('cloner');
  });
  afterAll(async () => {
    await stack.stop();
    await server.close();
    await directory.remove();
  });

  const inside = (command: string) => runInAgent(client, command);

  it('reaches a listed host by its own URL, without network and without a credential', async () => {
    expect(await inside(`git clone --quiet https://${server.host}/project.git /workspace/project && cat /workspace/project/README.md`)).toContain('hello from the host');
    // In two parts, as the agent's records have the command as well.
    const search = "grep -rl 'canary-of''-the-git-host' /codex-home /workspace /run/gateway /proc/self/environ; echo searched";
    expect(await inside(search)).toBe('searched');
    await inside("printf 'canary-of%s' -the-git-host > /workspace/planted");
    expect(await inside(search)).toBe('/workspace/planted\nsearched');
    expect(stack.output).not.toContain(PASSWORD);
  });

  it('fills a workspace, which counts its changes from there', async () => {
    const open = (args: Record<string, unknown>) => outputOf(client, 'open_workspace', { agent_id: 'opener', url: `https://${server.host}/project.git`, ...args });
    const opened = await open({ depth: 1 });
    expect(opened).toMatchObject({ mode: 'volume', changed_files: 0, repository: { branch: 'main', commit: expect.stringMatching(/^[0-9a-f]{40}$/) } });
    const there = (command: string) => runInAgent(client, command, { agent_id: 'opener' });
    expect(await there('ls -A; git remote get-url origin; git log --format=%s; cat README.md')).toMatch(/^\.git\nREADME\.md\n[^]*The first commit\nhello from the host$/);
    expect(await outputOf(client, 'get_diff', { agent_id: 'opener' })).toMatchObject({ files: [] });
    await there('echo mine > mine.txt');
    expect(await outputOf(client, 'get_diff', { agent_id: 'opener' })).toMatchObject({ files: [{ path: 'mine.txt', status: 'added' }] });
    expect(await errorOf(client, 'open_workspace', { agent_id: 'opener', url: `https://${server.host}/project.git` })).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('discard: true') });
    await there('rm mine.txt; echo "*.log" > .git/info/exclude; echo x > build.log');
    expect(await errorOf(client, 'open_workspace', { agent_id: 'opener', url: `https://${server.host}/project.git` })).toMatchObject({ message: expect.stringContaining('discard: true') });
    await there('echo mine > mine.txt');
    await open({ discard: true, branch: 'main' });
    expect(await there('ls -A')).toBe('.git\nREADME.md');
    expect(await outputOf(client, 'restore', { agent_id: 'opener', name: 'before-open', paths: ['mine.txt'] })).toMatchObject({ files: [{ path: 'mine.txt', status: 'added' }] });
  });

  it('leaves a workspace as it is where a clone fails, and says in git’s words why', async () => {
    const failure = async (url: string, args: Record<string, unknown> = {}) => (await errorOf(client, 'open_workspace', { agent_id: 'opener', discard: true, url, ...args })).message;
    expect(await failure(`https://${server.host}/missing.git`)).toContain('has no such repository');
    expect(await failure('https://github.com/openai/codex')).toContain('may not reach "github.com"');
    expect(await failure(`https://${server.host}/project.git`, { branch: 'nope' })).toContain('nope');
    for (const url of ['ext::sh -c x', 'http://github.com/a/b', 'https://user:secret@github.com/a/b', '/codex-home', '--upload-pack=x']) expect(await failure(url)).toContain('must be such as https://');
    expect(await runInAgent(client, 'ls -A; cat mine.txt', { agent_id: 'opener' })).toBe('.git\nREADME.md\nmine.txt\nmine');
  });

  it('reaches no other, pushes nothing, and is told why', async () => {
    expect(await inside('git ls-remote https://github.com/openai/codex')).toContain('may not reach "github.com"');
    expect(await inside('cd /workspace/project && git commit --quiet --allow-empty -m more && git push')).toContain('GIT_PUSH is not set');
  });
});
