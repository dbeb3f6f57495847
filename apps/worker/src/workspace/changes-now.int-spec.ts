import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from './agent-workspace.js';
import { localCommands } from './local-commands.fixture.js';
import type { CommandRunner } from './shadow-repository.js';

jest.setTimeout(60_000); // on a busy machine

let scratch: TemporaryDirectory;
let directory: string;
let workspace: AgentWorkspace;
let beside: AgentWorkspace;
let ran: string[][];

beforeEach(async () => {
  scratch = await temporaryDirectory();
  directory = join(scratch.path, 'workspace');
  for (const path of [directory, join(scratch.path, 'state')]) await mkdir(path);
  ran = [];
  const exec: CommandRunner['exec'] = (command, options) => {
    ran.push(command);
    return localCommands.exec(command, options);
  };
  const place = { cwd: directory, stateDir: join(scratch.path, 'state'), workspace: { kind: 'volume' as const } };
  workspace = new AgentWorkspace({ ...localCommands, exec }, place);
  beside = new AgentWorkspace(localCommands, place, { isBeside: true });
  await writeFile(join(directory, 'a.txt'), 'one\n');
  await workspace.take();
});
afterEach(async () => {
  const [repository = ''] = await readdir(join(scratch.path, 'state'));
  const left = (await readdir(join(scratch.path, 'state', repository))).filter((name) => /^(changes|ahead|index\.look|objects\.look)\b/.test(name));
  await scratch.remove();
  expect(left).toEqual([]);
});

const gitDir = async () => join(scratch.path, 'state', (await readdir(join(scratch.path, 'state')))[0] ?? '');
const write = (name: string, content: string) => writeFile(join(directory, name), content);

it('is, in one go, what two states compared say', async () => {
  const from = await workspace.take();
  await write('a.txt', 'two\n');
  await write('späte datei.txt', 'new\n');
  await write('bytes.bin', '\0\x01');
  ran = [];
  const changes = await workspace.changesNow(undefined);
  expect(ran).toHaveLength(1);
  expect(changes).toEqual(await workspace.changes({ from, to: await workspace.take() }));
  expect(changes?.files.map(({ path }) => path)).toEqual(['a.txt', 'bytes.bin', 'späte datei.txt']);
  expect((await workspace.changesNow(undefined, [':(glob)*.bin']))?.files.map(({ path }) => path)).toEqual(['bytes.bin']);
});

it.each([['alike', 0], ['otherwise', 1]])('follows the workspace, also back to what it was, each time asked %s', async (_, step) => {
  const diffs = [];
  for (const content of ['two\n', 'two\n', 'three\n', 'one\n', 'two\n']) {
    await write('a.txt', content);
    diffs.push((await workspace.changesNow(undefined, [], 10_000 + step * diffs.length))?.diff.split('\n').filter((line) => /^[+-]\w/.test(line)));
  }
  expect(diffs).toEqual([['-one', '+two'], ['-one', '+two'], ['-one', '+three'], [], ['-one', '+two']]);
});

it('counts from a checkpoint that there is', async () => {
  await workspace.saveCheckpoint('kept', await workspace.take(), 'turn_1');
  await rm(join(directory, 'a.txt'));
  expect(await workspace.changesNow('kept')).toMatchObject({ files: [{ path: 'a.txt', status: 'deleted' }] });
  expect(await workspace.changesNow('lost')).toBeUndefined();
});

it('leaves out what is too large to be compared, and nothing else', async () => {
  await write('huge.bin', '');
  await truncate(join(directory, 'huge.bin'), 65 * 1024 * 1024);
  await write('a.txt', 'two\n');
  const changes = await workspace.changesNow(undefined);
  expect(changes).toMatchObject({ files: [{ path: 'a.txt' }, { path: 'huge.bin', in_diff: false }], truncated: true, diff: expect.stringContaining('+two') });
});

it('ends with the bytes that fit, whether or not it was compared ahead', async () => {
  for (const name of ['b.txt', 'c.txt']) await write(name, `${name}\n`.repeat(2_000_000));
  const first = await workspace.changesNow(undefined, [], 1000);
  expect(first).toMatchObject({ files: [{ path: 'b.txt', in_diff: false }, { path: 'c.txt', in_diff: false }], truncated: true, diff: '' });
  expect(await workspace.changesNow(undefined, [], 1001)).toEqual({ ...first, note: expect.stringContaining('1001 bytes') });
});

it('looked at beside whoever takes states, is the same and leaves no trace', async () => {
  const objects = async () => (await readdir(join(await gitDir(), 'objects'), { recursive: true })).toSorted();
  const state = async () => [await workspace.last(), await workspace.startingPoint(), await readFile(join(await gitDir(), 'index')), await objects()];
  await workspace.saveCheckpoint('kept', await workspace.take(), 'turn_1');
  const before = await state();
  await write('a.txt', 'two\n');
  await write('new.txt', 'new\n');
  const looks = await Promise.all([beside.changesNow(undefined), beside.changesNow('kept'), beside.changesSinceLast(), beside.changesNow(undefined, ['new.txt'])]);
  expect(looks.map((changes) => changes?.files.map(({ path }) => path))).toEqual([['a.txt', 'new.txt'], ['a.txt', 'new.txt'], ['a.txt', 'new.txt'], ['new.txt']]);
  expect(await beside.changesNow('lost')).toBeUndefined();
  expect(await state()).toEqual(before);
  expect(await workspace.changesNow(undefined)).toEqual(looks[0]);
});

it('is looked at in more than one go without a trace', async () => {
  const count = async () => (await readdir(join(await gitDir(), 'objects'), { recursive: true })).length;
  const before = await count();
  await writeFile(join(directory, 'latin.txt'), Buffer.from('caf\xe9\n', 'latin1'));
  const seen = await beside.changesNow(undefined);
  expect([seen?.files.map(({ path }) => path), seen?.diff, await count()]).toEqual([['latin.txt'], expect.stringContaining('GIT binary patch'), before]);
});

it('one that is aborted leaves nothing behind', async () => {
  await write('a.txt', 'two\n');
  const aborted = new AbortController();
  const exec: CommandRunner['exec'] = async (command, options) => {
    if (!aborted.signal.aborted) await localCommands.exec(command, options);
    aborted.abort();
    throw new Error('aborted');
  };
  await expect(beside.over({ ...localCommands, exec }).changesNow(undefined)).rejects.toThrow('aborted');
});

it('is looked at also while an index is locked, and where nothing has been kept', async () => {
  await writeFile(join(await gitDir(), 'index.lock'), '');
  await write('a.txt', 'two\n');
  expect((await beside.changesNow(undefined))?.files).toMatchObject([{ path: 'a.txt' }]);
  const fresh = new AgentWorkspace(localCommands, { cwd: directory, stateDir: join(scratch.path, 'state', 'none'), workspace: { kind: 'volume' } }, { isBeside: true });
  expect(await fresh.checkpoints()).toEqual([]);
  expect(await fresh.changesNow(undefined)).toMatchObject({ files: [] });
});

it('clears away what a look that was killed has left, and not what one needs that goes on', async () => {
  const ended = 4_194_305; // beyond every process id
  for (const pid of [ended, process.pid]) await writeFile(join(await gitDir(), `index.look.${pid}`), '');
  for (const name of ['objects.look.old', 'objects.look.new']) await mkdir(join(await gitDir(), name));
  await utimes(join(await gitDir(), 'objects.look.old'), 1, 1);
  await workspace.take();
  const kept = [`index.look.${process.pid}`, 'objects.look.new'];
  expect((await readdir(await gitDir())).filter((name) => name.includes('.look.')).toSorted()).toEqual(kept);
  for (const name of kept) await rm(join(await gitDir(), name), { recursive: true });
});

it('is looked at in one thread, however many files there are: a few looks must not take all that an agent may have', async () => {
  await Promise.all(Array.from({ length: 1200 }, (_, at) => write(`${at}.txt`, '')));
  await workspace.take();
  const usesThreads = async (look: AgentWorkspace) => {
    const trace = join(scratch.path, 'trace');
    const exec: CommandRunner['exec'] = (command, options) => localCommands.exec(command, { ...options, env: { ...options.env, GIT_TRACE2_EVENT: trace } });
    await look.over({ ...localCommands, exec }).changesNow(undefined);
    const lines = await readFile(trace, 'utf8');
    await rm(trace);
    return lines.includes('"label":"preload"');
  };
  expect(await usesThreads(beside)).toBe(false);
  expect(await usesThreads(workspace)).toBe(true);
});
