import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { FileWrite } from '@codex-mcp/contracts';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from './agent-workspace.js';
import { fileWrites } from './file-contents.js';
import { IsolatedCopy } from './isolated-copy.js';
import { localCommands } from './local-commands.fixture.js';
import { apply } from './operations/applying.js';
import type { OperationContext } from './operations/operation.js';
import { discard } from './operations/restoring.js';

jest.setTimeout(60_000); // on a busy machine

let directory: TemporaryDirectory;
let source: string;
let cwd: string;
let workspace: AgentWorkspace;
let copy: IsolatedCopy;
let onWrite: () => void;

const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=a@b', '-C', source, ...args], { encoding: 'utf8' });
const put = (root: string, files: Record<string, string | Buffer>) => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
};
const commitAll = () => git('commit', '--quiet', '--all', '--message', 'x');

/** A worker on the agent; another one sees the same files. */
function takeOver(): void {
  workspace = new AgentWorkspace(localCommands, { cwd, stateDir: directory.path, workspace: { kind: 'isolated', path: source }, source });
  copy = new IsolatedCopy(workspace, source, 'codex/a');
}

const contextOf = (turnId: string) => {
  const session = { workspace, copy, workspaceChanged: () => undefined, refreshCopy: () => copy.refresh(), writeToHost: async (files: FileWrite[]) => writeAll(files) };
  return { request: { turnId }, session } as unknown as OperationContext;
};

function writeAll(files: FileWrite[]): { changed: string[] } {
  for (const file of files) if (file.new) put(source, { [Buffer.from(file.path, 'base64').toString()]: Buffer.from(file.new.content, 'base64') });
  onWrite();
  return { changed: [] };
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  [source, cwd] = [join(directory.path, 'source'), join(directory.path, 'copy')];
  mkdirSync(cwd);
  put(source, { 'a.txt': 'one\n', '.gitignore': 'dist\n', 'dist/kept.js': 'tracked\n', 'dist/noise.js': 'noise\n', '.env': 'SECRET=1\n' });
  git('init', '--quiet', '-b', 'main');
  put(source, { '.git/info/exclude': '.env\n' });
  git('add', '--all');
  git('add', '--force', 'dist/kept.js');
  git('commit', '--quiet', '--message', 'first');
  onWrite = () => undefined;
  takeOver();
});
afterEach(() => directory.remove());

describe('a copy', () => {
  it('has what is tracked although it is ignored, and nothing that any ignore rule of the repository names', async () => {
    await copy.refresh();
    expect(readdirSync(cwd).toSorted()).toEqual(['.git', '.gitignore', 'a.txt', 'dist']);
    expect(readdirSync(join(cwd, 'dist'))).toEqual(['kept.js']);
    put(cwd, { '.env': 'of the agent\n' });
    const own = (...args: string[]) => execFileSync('git', ['-C', cwd, ...args], { encoding: 'utf8' });
    own('add', '--all');
    expect(own('status', '--porcelain')).toBe('');
    expect(await workspace.changes({ from: await workspace.base(), to: await workspace.take() })).toMatchObject({ files: [] });
    put(source, { 'dist/kept.js': 'edited\n' });
    await copy.refresh();
    expect(readFileSync(join(cwd, 'dist/kept.js'), 'utf8')).toBe('edited\n');
  });

  it('has nothing of what a tool leaves for a moment in the directory, also where a former version made the rules for that', async () => {
    await copy.refresh();
    put(directory.path, { 'shadow.git/info/exclude': '/.codex-mcp-apply-*\n/.codex-mcp-put-*\n' });
    put(source, { 'sub/.codex-mcp-put-1-0': 'half', '.codex-mcp-put-1.journal': 'x', '.codex-mcp-apply-x/0': 'half', 'sub/real': 'x' });
    await copy.refresh();
    expect(readdirSync(cwd).toSorted()).toEqual(['.git', '.gitignore', 'a.txt', 'dist', 'sub']);
    expect(readdirSync(join(cwd, 'sub'))).toEqual(['real']);
  });

  it('that was cut off while it was made is made by whoever comes next', async () => {
    mkdirSync(join(cwd, '.git-new/wreck'), { recursive: true });
    put(cwd, { 'a.txt': 'half of it' });
    await workspace.take();
    takeOver();
    await copy.refresh();
    expect(readFileSync(join(cwd, 'a.txt'), 'utf8')).toBe('one\n');
    expect(execFileSync('git', ['-C', cwd, 'log', '--format=%s'], { encoding: 'utf8' })).toBe('first\n');
    expect(existsSync(join(cwd, '.git-new'))).toBe(false);
  });

  it('goes on when its directory becomes a repository, or its repository is begun anew', async () => {
    rmSync(join(source, '.git'), { recursive: true });
    await copy.refresh();
    git('init', '--quiet');
    put(source, { 'b.txt': 'two\n' });
    git('add', '--all');
    commitAll();
    expect(await copy.refresh()).toContain('Took over');
    expect(readFileSync(join(cwd, 'b.txt'), 'utf8')).toBe('two\n');
    put(source, { 'b.txt': 'three\n' });
    expect(await copy.refresh()).toContain('Took over');
  });

  it('survives what a killed command has left', async () => {
    await copy.refresh();
    const shadow = join(directory.path, readdirSync(directory.path).find((name) => name.startsWith('snapshots-')) ?? '');
    put(shadow, { 'index.lock': '', 'index.mix': '', 'index.mix.lock': '', 'source-index.lock': '', 'refs/codex-mcp/last.lock': '' });
    put(cwd, { 'a.txt': 'changed\n', 'c.txt': 'new\n' });
    expect(await apply(contextOf('turn_1'), { paths: ['c.txt'] })).toMatchObject({ applied: true, files: [{ path: 'c.txt' }] });
  });
});

describe('contents of changed files', () => {
  it('are whole however large they are', async () => {
    await copy.refresh();
    const large = Buffer.alloc(40 * 1024 * 1024 + 1, 'x');
    put(cwd, { 'large.bin': large, 'small.bin': 'small' });
    const files = await fileWrites(workspace.repository, { from: await workspace.base(), to: await workspace.take() });
    const sizes = Object.fromEntries(files.map((file) => [Buffer.from(file.path, 'base64').toString(), Buffer.from(file.new?.content ?? '', 'base64').length]));
    expect(sizes).toEqual({ 'large.bin': large.length, 'small.bin': 5 });
  });

  it('that are too large together are refused before any is read', async () => {
    await copy.refresh();
    for (const name of ['one', 'two']) put(cwd, { [name]: Buffer.alloc(33 * 1024 * 1024, name) });
    await expect(apply(contextOf('turn_1'), {})).rejects.toMatchObject({ code: 'input_too_large' });
  });
});

describe('a call that another worker takes over', () => {
  it('of apply tells what was applied', async () => {
    await copy.refresh();
    put(cwd, { 'a.txt': 'two\n' });
    onWrite = () => {
      throw new Error('killed after the writing');
    };
    await expect(apply(contextOf('turn_1'), {})).rejects.toThrow('killed');
    takeOver();
    expect(await apply(contextOf('turn_1'), {})).toMatchObject({ applied: true, files: [{ path: 'a.txt' }] });
    expect(await apply(contextOf('turn_2'), {})).toMatchObject({ applied: false, files: [] });
  });

  it('of discard keeps what was there before the first attempt', async () => {
    await copy.refresh();
    put(cwd, { 'a.txt': 'work\n' });
    await discard(contextOf('turn_1'), {});
    takeOver();
    expect(await discard(contextOf('turn_1'), {})).toMatchObject({ files: [{ path: 'a.txt' }] });
    const kept = (await workspace.checkpoint('before-discard')) ?? '';
    await workspace.restore({ from: await workspace.take(), to: kept });
    expect(readFileSync(join(cwd, 'a.txt'), 'utf8')).toBe('work\n');
  });
});

it('a workspace never changes under an edit that was not seen', async () => {
  await copy.refresh();
  put(cwd, { 'a.txt': 'of the agent\n', 'b.txt': 'of the agent\n' });
  const [base, seen] = [await workspace.base(), await workspace.take()];
  put(cwd, { 'unrelated.txt': 'new\n', 'dist/kept.js': 'edited meanwhile\n' });
  await workspace.become({ from: seen, to: base });
  expect(readFileSync(join(cwd, 'dist/kept.js'), 'utf8')).toBe('edited meanwhile\n');
  expect(existsSync(join(cwd, 'b.txt'))).toBe(false);
  put(cwd, { 'a.txt': 'edited meanwhile\n' });
  await expect(workspace.become({ from: base, to: seen })).rejects.toMatchObject({ code: 'turn_failed' });
  expect(readFileSync(join(cwd, 'a.txt'), 'utf8')).toBe('edited meanwhile\n');
});

it('what nothing refers to is forgotten after a day, and nothing else', async () => {
  const objects = () => execFileSync('git', ['--git-dir', shadow(), 'cat-file', '--batch-all-objects', '--batch-check'], { encoding: 'utf8' });
  const blob = (content: string) => execFileSync('git', ['hash-object', '--stdin'], { input: content, encoding: 'utf8' }).trim();
  const shadow = () => join(directory.path, readdirSync(directory.path).find((name) => name.startsWith('snapshots-')) ?? '');
  const age = () => execFileSync('find', [join(shadow(), 'objects'), join(shadow(), 'pruned'), '-type', 'f', '-exec', 'touch', '-d', '3 days ago', '{}', '+']);
  const states = ['passing', 'checkpoint', 'before the turn', 'after the turn'];
  await copy.refresh();
  await workspace.recordTurn({ turnId: 'turn_0' }, { from: await workspace.base(), to: await taken('passing') });
  await workspace.repository.shell('git update-ref -d refs/codex-mcp/turns/turn_0/after', []);
  await workspace.saveCheckpoint('c', await taken('checkpoint'), 'turn_0');
  put(source, { 'a.txt': 'seen but not taken over\n' });
  utimesSync(join(source, 'a.txt'), 1_700_000_000, 1_700_000_000); // or git looks at it again
  await workspace.repository.sourceTree();
  const trees = { from: await taken('before the turn'), to: await taken('after the turn') };
  expect(states.filter((state) => objects().includes(blob(state)))).toEqual(states);
  age();
  await workspace.recordTurn({ turnId: 'turn_1' }, trees);
  expect(states.filter((state) => objects().includes(blob(state)))).toEqual(states.slice(1));
  expect(await copy.refresh()).toContain('Took over');
  await workspace.restore({ from: await workspace.take(), to: (await workspace.checkpoint('c')) ?? '' });
  expect(readFileSync(join(cwd, 'state.txt'), 'utf8')).toBe('checkpoint');

  async function taken(state: string): Promise<string> {
    put(cwd, { 'state.txt': state });
    return workspace.take();
  }
});
