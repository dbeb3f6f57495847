import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithDocker, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { Changes } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { directive, errorOf, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { treeOf } from './file-tree.js';
import { gitOfUser, makeRepository, ownAll, owner } from './host-repository.js';

const LINES = Array.from({ length: 40 }, (_, at) => `line ${at}`);
const withLine = (at: number, text: string) => `${LINES.with(at, text).join('\n')}\n`;

describeWithDocker('a copy of a host directory as workspace', () => {
  let stack: Stack;
  let client: Client;
  let roots: TemporaryDirectory;

  beforeAll(async () => {
    roots = await temporaryDirectory();
    stack = await startStack({ env: { WORKSPACE_ROOTS: roots.path } });
    client = await stack.httpClient('copyist');
  });
  afterAll(async () => {
    await stack.stop();
    await roots.remove();
  });

  const repository = (name: string, files: Record<string, string> = { 'src/app.txt': withLine(0, 'line 0'), '.gitignore': '*.log\n' }) => makeRepository(join(roots.path, name), files);
  const write = async (path: string, content: string) => {
    await writeFile(path, content);
    await ownAll(join(path, '..'));
  };
  const implement = async (command: string, args: Record<string, unknown>) =>
    Changes.parse((await outputOf(client, 'implement', { task: directive({ shell: command }, { json: { summary: 's', explanation: 'e', integration_notes: [] } }), target_files: ['.'], ...args }))['changes']);
  const names = (changes: Changes) => changes.files.map(({ status, path }) => `${status} ${path}`).toSorted();

  it('is what a writing tool gets: the directory stays as it is until the changes are applied', async () => {
    const workspace = await repository('plain');
    await write(join(workspace, 'not-committed.txt'), 'mine\n');
    await write(join(workspace, 'noise.log'), 'ignored\n');
    const [before, status] = [await treeOf(workspace), await gitOfUser(workspace, 'status', '--porcelain')];
    const agent = { agent_id: 'plain', workspace };
    const changes = await implement('cat not-committed.txt; ls noise.log; sed -i s/line.1$/changed/ src/app.txt; printf "\\0\\377" > bin; chmod +x bin; ln -s bin link; git log --format=%s; git branch --show-current', agent);
    const seen = stack.fake.responsesRequests().at(-1)?.model.toolOutput ?? '';
    for (const part of ['mine', 'No such file', 'The first commit of Ada', 'codex/plain']) expect(seen).toContain(part);
    expect(names(changes)).toEqual(['added bin', 'added link', 'modified src/app.txt']);
    expect(await treeOf(workspace)).toEqual(before);
    expect(await gitOfUser(workspace, 'status', '--porcelain')).toBe(status);
    expect(await outputOf(client, 'apply', { agent_id: 'plain', dry_run: true })).toMatchObject({ applied: false, files: [{ path: 'bin' }, { path: 'link' }, { path: 'src/app.txt' }] });
    expect(await treeOf(workspace)).toEqual(before);
    expect(await outputOf(client, 'apply', { agent_id: 'plain' })).toMatchObject({ applied: true });
    const after = await treeOf(workspace);
    expect(after).toEqual({ ...before, bin: `755 ${Buffer.from([0, 255]).toString('base64')}`, link: 'link bin', 'src/app.txt': expect.any(String) });
    expect(await readFile(join(workspace, 'src/app.txt'), 'utf8')).toBe(withLine(1, 'changed'));
    expect((await stat(join(workspace, 'bin'))).uid).toBe(owner);
    expect(await outputOf(client, 'apply', { agent_id: 'plain' })).toMatchObject({ applied: false, files: [] });
    expect(await outputOf(client, 'get_diff', { agent_id: 'plain' })).toMatchObject({ files: [] });
  });

  it('is left for the agent’s own volume, and comes back as it was', async () => {
    const workspace = await repository('left');
    const agent = { agent_id: 'comes-and-goes', workspace };
    await implement('echo kept > kept.txt', agent);
    expect(await runInAgent(client, 'echo mine > mine.txt; ls', { ...agent, workspace: 'own' })).toBe('mine.txt');
    expect(await runInAgent(client, 'ls', agent)).toBe('kept.txt\nsrc');
  });

  it('follows what is edited in the directory, and both sides’ changes end up in both', async () => {
    const workspace = await repository('followed');
    const agent = { agent_id: 'follower', workspace };
    await implement(`printf '%s' '${withLine(30, 'of the agent')}' > src/app.txt`, agent);
    await write(join(workspace, 'src/app.txt'), withLine(5, 'of the user'));
    await write(join(workspace, 'more.txt'), 'more\n');
    const seen = await runInAgent(client, 'cat more.txt; sed -n "6p;31p" src/app.txt', agent);
    expect(seen).toBe('more\nof the user\nof the agent');
    expect(await outputOf(client, 'apply', { agent_id: 'follower' })).toMatchObject({ applied: true, files: [{ path: 'src/app.txt' }] });
    expect((await readFile(join(workspace, 'src/app.txt'), 'utf8')).split('\n').filter((line) => line.startsWith('of'))).toEqual(['of the user', 'of the agent']);
  });

  it('that conflicts is refused whole, with the hunks, and nothing is lost on either side', async () => {
    const workspace = await repository('conflicting');
    const agent = { agent_id: 'rival', workspace };
    await implement("sed -i 's/^line 7$/of the agent/' src/app.txt; echo fine > fine.txt", agent);
    await write(join(workspace, 'src/app.txt'), withLine(7, 'of the user'));
    const before = await treeOf(workspace);
    const error = await errorOf(client, 'apply', { agent_id: 'rival' });
    expect(error).toMatchObject({ code: 'apply_conflict', message: expect.stringContaining('src/app.txt') });
    for (const part of ['of the agent', 'of the user', '<<<<<<<']) expect(error.detail).toContain(part);
    expect(await treeOf(workspace)).toEqual(before);
    expect(await outputOf(client, 'apply', { agent_id: 'rival', paths: ['fine.txt'] })).toMatchObject({ applied: true, files: [{ path: 'fine.txt' }] });
    expect(await readFile(join(workspace, 'fine.txt'), 'utf8')).toBe('fine\n');
    expect(await runInAgent(client, 'sed -n 8p src/app.txt', { agent_id: 'rival' })).toBe('of the agent');
    await outputOf(client, 'discard', { agent_id: 'rival', paths: ['src/app.txt'] });
    expect(await runInAgent(client, 'sed -n 8p src/app.txt', { agent_id: 'rival' })).toBe('of the user');
  });

  it('takes over deletions, renames and files that become directories', async () => {
    const workspace = await repository('shapes', { 'a/one.txt': '1\n', 'b.txt': '2\n', 'c/d/e.txt': '3\n', thing: 'file\n' });
    await implement('rm -r c; git mv b.txt moved.txt; rm thing; mkdir thing; echo inside > thing/file; rm -r a; echo now a file > a', { agent_id: 'shaper', workspace });
    await outputOf(client, 'apply', { agent_id: 'shaper' });
    expect(Object.keys(await treeOf(workspace))).toEqual(['a', 'moved.txt', 'thing/file']);
  });

  it('can be had of a directory that is no repository, and another directory has its own', async () => {
    const workspace = await repository('plain-files', { 'note.txt': 'hello\n' });
    await rm(join(workspace, '.git'), { recursive: true });
    expect(await outputOf(client, 'open_workspace', { agent_id: 'mover', workspace })).toMatchObject({ mode: 'isolated', path: workspace, changed_files: 0 });
    await runInAgent(client, 'echo changed > note.txt', { agent_id: 'mover' });
    expect(await outputOf(client, 'open_workspace', { agent_id: 'mover' })).toMatchObject({ changed_files: 1 });
    const other = await repository('other', { 'other.txt': 'x\n' });
    expect(await runInAgent(client, 'ls', { agent_id: 'mover', workspace: other })).toBe('other.txt');
    expect(await runInAgent(client, 'cat note.txt', { agent_id: 'mover', workspace })).toBe('changed');
    expect(await readFile(join(workspace, 'note.txt'), 'utf8')).toBe('hello\n');
    expect(await outputOf(client, 'open_workspace', { agent_id: 'mover', workspace, workspace_mode: 'direct' })).toMatchObject({ mode: 'direct' });
    expect(await errorOf(client, 'apply', { agent_id: 'mover' })).toMatchObject({ code: 'invalid_arguments' });
  });

  it('cannot be used to write into the directory', async () => {
    const workspace = await repository('guarded');
    const seen = await runInAgent(client, 'touch /source/planted; echo x >> /source/src/app.txt; ls -d /source/.git', { agent_id: 'guarded', workspace });
    expect(seen).toContain('Read-only file system');
    expect(await gitOfUser(workspace, 'status', '--porcelain')).toBe('');
  });
});
