import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createBareRepository, describeWithDocker, type GitServer, startGitServer, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { gitOfUser, makeRepository } from './host-repository.js';

const TOKEN = 'canary-of-the-forge';
const BASIC = `Basic ${Buffer.from(`ada:${TOKEN}`).toString('base64')}`;

describeWithDocker('a pull request of an agent', () => {
  let directory: TemporaryDirectory;
  let server: GitServer;
  let stack: Stack;
  let client: Client;
  const pulls: { head: string; base: string; title: string; authorization: string | undefined }[] = [];

  /** As much of GitHub's API as is used, in front of git's own server. */
  async function api(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (!request.url?.startsWith('/api/v3/')) return false;
    const send = (status: number, body: unknown) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const shown = (at: number) => ({ html_url: `https://forge.example/pull/${at + 1}`, number: at + 1, head: { ref: pulls[at]?.head } });
    if (request.method === 'POST') {
      pulls.push({ ...((await json(request)) as (typeof pulls)[number]), authorization: request.headers.authorization });
      send(201, shown(pulls.length - 1));
    } else if (request.url.includes('/pulls?')) send(200, pulls.map((_, at) => shown(at)));
    else send(200, { default_branch: 'main' });
    return true;
  }

  beforeAll(async () => {
    directory = await temporaryDirectory();
    await createBareRepository(join(directory.path, 'ada', 'project.git'), 'hello\n');
    server = await startGitServer(directory.path, { authorization: BASIC, before: api });
    const credentials = join(directory.path, 'credentials');
    await writeFile(credentials, `http://ada:${TOKEN}@${server.host}\n`, { mode: 0o600 });
    const roots = join(directory.path, 'roots');
    await makeRepository(join(roots, 'no-origin'));
    stack = await startStack({ env: { GIT_HOSTS: server.host, GIT_PUSH: 'true', GIT_MAX_BYTES: '2m', GIT_FORGES: `${server.host}=github`, GIT_CREDENTIALS_FILE: credentials, WORKSPACE_ROOTS: roots } });
    client = await stack.httpClient('author');
  });
  afterAll(async () => {
    await stack.stop();
    await server.close();
    await directory.remove();
  });

  const onServer = (...args: string[]) => execFileSync('git', ['-C', join(directory.path, 'ada', 'project.git'), ...args], { encoding: 'utf8' }).trim();

  it('is its pushed work, opened with a token that it never sees; a second call adds to it', async () => {
    await outputOf(client, 'open_workspace', { url: `https://${server.host}/ada/project.git` });
    await runInAgent(client, "echo more >> README.md; printf '#!/bin/sh\\ntouch /workspace/hook-ran; exit 1\\n' > .git/hooks/pre-push; chmod +x .git/hooks/pre-push; git config credential.helper '!touch /workspace/helper-ran'");
    const made = await outputOf(client, 'create_pull_request', { title: 'Say more', body: 'It said too little.', author_name: 'Ada', author_email: 'ada@example.test' });
    expect(made).toMatchObject({ branch: 'codex/author', url: 'https://forge.example/pull/1', number: 1, created: true, base: 'main', commit: onServer('rev-parse', 'codex/author') });
    expect(onServer('log', '-1', '--format=%an %s%n%b', 'codex/author')).toBe('Ada Say more\nIt said too little.');
    expect(onServer('show', 'codex/author:README.md')).toBe('hello\nmore');
    expect(pulls).toEqual([{ title: 'Say more', body: 'It said too little.', head: 'codex/author', base: 'main', authorization: `Bearer ${TOKEN}` }]);
    await runInAgent(client, 'echo again >> README.md');
    expect(await outputOf(client, 'create_pull_request', { title: 'Say it again' })).toMatchObject({ created: false, url: 'https://forge.example/pull/1' });
    expect(onServer('log', '--format=%s', 'main..codex/author')).toBe('Say it again\nSay more');
    const search = "grep -rl 'canary-of''-the-forge' /codex-home /workspace /proc/self/environ; ls /workspace; echo searched";
    expect(await runInAgent(client, search)).toBe('README.md\nsearched');
    expect(stack.output).not.toContain(TOKEN);
  });

  it('cannot be begun with a repository that is too large, and the caller is told what to change', async () => {
    await createBareRepository(join(directory.path, 'ada', 'large.git'), randomBytes(3_000_000).toString('base64'));
    const failed = await errorOf(client, 'open_workspace', { agent_id: 'large', url: `https://${server.host}/ada/large.git` });
    expect(failed).toMatchObject({ code: 'turn_failed', message: expect.stringContaining('GIT_MAX_BYTES') });
    expect(await outputOf(client, 'list_files', { agent_id: 'large' })).toMatchObject({ files: [] });
  });

  it('of a copy goes where the user’s repository comes from, whose tree stays as it is', async () => {
    const workspace = join(directory.path, 'roots', 'no-origin');
    const agent = { agent_id: 'copyist', workspace };
    await runInAgent(client, 'echo x > new.txt', agent);
    const call = (args: object) => ({ agent_id: agent.agent_id, title: 'Add it', ...args });
    expect(await errorOf(client, 'create_pull_request', call({}))).toMatchObject({ code: 'invalid_arguments', message: expect.stringContaining('has no origin') });
    await gitOfUser(workspace, 'remote', 'add', 'origin', `git@${server.host.split(':')[0]}:ada/project.git`);
    expect((await errorOf(client, 'create_pull_request', call({}))).message).toContain('may not reach "127.0.0.1"');
    const status = await gitOfUser(workspace, 'status', '--porcelain');
    expect(await outputOf(client, 'create_pull_request', call({ url: `https://${server.host}/ada/project.git`, branch: 'topic' }))).toMatchObject({ branch: 'topic', number: 2 });
    expect(onServer('show', '--stat', '--format=', 'topic')).toContain('new.txt');
    expect(await gitOfUser(workspace, 'status', '--porcelain')).toBe(status);
    expect(await errorOf(client, 'create_pull_request', call({ url: `https://${server.host}/ada/project.git`, branch: 'main' }))).toMatchObject({ message: expect.stringContaining('could not be pushed') });
  });
});
