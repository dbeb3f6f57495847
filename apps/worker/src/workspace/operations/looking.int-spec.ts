import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from '../agent-workspace.js';
import { localCommands, run } from '../local-commands.fixture.js';
import { listFiles, readFile, search } from './looking.js';
import type { OperationContext } from './operation.js';

jest.setTimeout(60_000); // on a busy machine

let scratch: TemporaryDirectory;
let directory: string;
let context: OperationContext;

beforeAll(async () => {
  scratch = await temporaryDirectory();
  directory = join(scratch.path, 'workspace');
  for (const path of ['src/deep', 'ignored']) await mkdir(join(directory, path), { recursive: true });
  const session = { workspace: new AgentWorkspace(localCommands, { cwd: directory, stateDir: scratch.path, workspace: { kind: 'volume' } }), sandboxPolicy: () => undefined };
  context = { session } as unknown as OperationContext;
  const write = (path: string, content: string | Buffer) => writeFile(join(directory, path), content);
  await write('.gitignore', 'ignored/\n');
  await write('ignored/big.log', 'needle in the log\n');
  await write('src/a.ts', 'one\nneedle two\nthree\nNEEDLE four\nfive\n');
  await write('src/deep/b.ts', 'a+b needle\n');
  await write('-odd name.ts', 'needle');
  await write('long.txt', `${'é'.repeat(200)}\nlast line`);
  await write('data.bin', Buffer.from([0, 255, 254, 10, 1]));
  await write(join('..', 'secret.txt'), 'needle outside');
  for (const [target, name] of [['../secret.txt', 'out'], ['..', 'up'], ['src/a.ts', 'in'], ['nowhere', 'dangling'], ['/dev/zero', 'zero']] as const) await symlink(target, join(directory, name));
  await run('mkfifo', ['fifo'], { cwd: directory });
});
afterAll(() => scratch.remove());

const problem = (work: Promise<unknown>): Promise<string> => work.then(() => 'nothing', (error: Error) => error.message);

it('reads a file whole or some of its lines', async () => {
  expect(await readFile(context, { path: 'src/a.ts' })).toEqual({ path: 'src/a.ts', content: 'one\nneedle two\nthree\nNEEDLE four\nfive\n', encoding: 'utf-8', size: 38, lines: 5, truncated: false });
  expect(await readFile(context, { path: 'src/a.ts', offset: 2, limit: 2 })).toMatchObject({ content: 'needle two\nthree\n', truncated: true, next_offset: 4 });
  expect(await readFile(context, { path: 'in', offset: 5 })).toMatchObject({ content: 'five\n', truncated: false });
  expect(await readFile(context, { path: 'in', offset: 9 })).toMatchObject({ content: '', truncated: false });
  expect(await readFile(context, { path: '-odd name.ts' })).toMatchObject({ content: 'needle', lines: 1 });
});

it('ends a reading before the line that is too much, or within one that is too long alone', async () => {
  expect(await readFile(context, { path: 'src/a.ts', max_bytes: 20 })).toMatchObject({ content: 'one\nneedle two\n', truncated: true, next_offset: 3 });
  expect(await readFile(context, { path: 'long.txt', max_bytes: 21 })).toMatchObject({ content: 'é'.repeat(10), encoding: 'utf-8', truncated: true, next_offset: 2 });
  expect(await readFile(context, { path: 'data.bin' })).toMatchObject({ content: 'AP/+CgE=', encoding: 'base64', size: 5 });
});

it('reads nothing but files of the workspace, and waits for nothing', async () => {
  expect(await problem(readFile(context, { path: 'out' }))).toContain('A link out of the workspace is at "out"');
  expect(await problem(readFile(context, { path: 'up/secret.txt' }))).toContain('A link out of the workspace');
  expect(await problem(readFile(context, { path: 'zero' }))).toContain('A link out of the workspace');
  expect(await problem(readFile(context, { path: 'fifo' }))).toContain('No regular file');
  expect(await problem(readFile(context, { path: 'src' }))).toContain('A directory');
  expect(await problem(readFile(context, { path: 'dangling' }))).toContain('A link that leads nowhere');
  expect(await problem(readFile(context, { path: 'nothing' }))).toContain('There is no file at "nothing"');
});

it('lists files, without ignored ones unless they are asked for', async () => {
  const { files, total, truncated } = await listFiles(context, {});
  expect(files.map(({ path, type }) => [path, type])).toEqual([
    ['-odd name.ts', 'file'], ['.gitignore', 'file'], ['dangling', 'link'], ['data.bin', 'file'], ['in', 'link'], ['long.txt', 'file'], ['out', 'link'], ['src/a.ts', 'file'], ['src/deep/b.ts', 'file'], ['up', 'link'], ['zero', 'link'],
  ]);
  expect({ total, truncated, size: files[3]?.size }).toEqual({ total: 11, truncated: false, size: 5 });
  expect(await listFiles(context, { paths: ['**/*.ts'], limit: 2 })).toMatchObject({ files: [{ path: '-odd name.ts' }, { path: 'src/a.ts' }], total: 3, truncated: true });
  expect(await listFiles(context, { paths: ['src/deep', 'ignored'], include_ignored: true })).toMatchObject({ files: [{ path: 'ignored/big.log' }, { path: 'src/deep/b.ts' }] });
});

it.each([['ripgrep', {}], ['grep', { PATH: 'bin' }]])('finds lines with %s', async (tool, env) => {
  const bin = join(scratch.path, 'bin');
  await run('sh', ['-c', `mkdir -p ${bin}; for name in env sh git grep perl xargs head; do ln -sf "$(command -v $name)" ${bin}/; done`], { cwd: scratch.path });
  const commands: typeof localCommands = { ...localCommands, exec: (command, options) => localCommands.exec(command, { ...options, env: { ...options.env, ...('PATH' in env && { PATH: bin }) } }) };
  const session = { workspace: new AgentWorkspace(commands, { cwd: directory, stateDir: scratch.path, workspace: { kind: 'volume' } }), sandboxPolicy: () => undefined };
  const here = { session } as unknown as OperationContext;
  const { matches, truncated } = await search(here, { query: 'n[e]edle' });
  expect({ tool, truncated, found: matches.map(({ path, line, text }) => `${path}:${line}:${text}`) }).toEqual({ tool, truncated: false, found: ['-odd name.ts:1:needle', 'src/a.ts:2:needle two', 'src/deep/b.ts:1:a+b needle'] });
  expect(await search(here, { query: 'a+b', literal: true })).toMatchObject({ matches: [{ path: 'src/deep/b.ts' }] });
  expect(await search(here, { query: 'needle', ignore_case: true, paths: ['src/a.ts'], context_lines: 1, max_results: 1 })).toEqual({ matches: [{ path: 'src/a.ts', line: 2, text: 'needle two', before: ['one'], after: ['three'] }], truncated: true });
  expect((await search(here, { query: 'log', include_ignored: true })).matches).toMatchObject([{ path: 'ignored/big.log' }]);
  expect((await search(here, { query: '--help' })).matches).toEqual([]);
  expect(await problem(search(here, { query: 'a(b' }))).toContain('The query is no regular expression');
});
