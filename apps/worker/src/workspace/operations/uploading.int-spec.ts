import { afterAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from '../agent-workspace.js';
import { localCommands, run } from '../local-commands.fixture.js';
import type { OperationContext } from './operation.js';
import { PUT, SETTLE_PUTS } from '../files/put.script.js';
import { putFiles, toRecord } from './uploading.js';

jest.setTimeout(60_000); // on a busy machine

let scratch: TemporaryDirectory | undefined;
let home: string;
let directory: string;
let context: OperationContext;

beforeEach(async () => {
  scratch ??= await temporaryDirectory();
  home = await mkdtemp(join(scratch.path, 'case-'));
  directory = join(home, 'workspace');
  await mkdir(join(directory, 'src'), { recursive: true });
  await writeFile(join(directory, 'src', 'old.sh'), 'old');
  await chmod(join(directory, 'src', 'old.sh'), 0o755);
  const workspace = new AgentWorkspace(localCommands, { cwd: directory, stateDir: home, workspace: { kind: 'volume' } });
  const session = { workspace, sandboxPolicy: () => undefined, workspaceChanged: () => undefined };
  context = { session, request: { turnId: 'turn_1' } } as unknown as OperationContext;
});
afterAll(() => scratch?.remove());

const problem = (work: Promise<unknown>): Promise<string> => work.then(() => 'nothing', (error: Error) => error.message);
const entries = async () => (await readdir(directory, { recursive: true })).toSorted();
const modeOf = async (path: string) => (await lstat(join(directory, path))).mode & 0o777;

it('writes text and bytes, new and old, and remembers the change as its own', async () => {
  const files = [{ path: 'src/old.sh', content: 'new' }, { path: 'a b/c\nd/x.bin', base64: Buffer.from([0, 255, 10]).toString('base64') }, { path: '-rf', content: '', executable: true }];
  expect(await putFiles(context, { files })).toEqual({ files: [{ path: 'src/old.sh', size: 3, created: false }, { path: 'a b/c\nd/x.bin', size: 3, created: true }, { path: '-rf', size: 0, created: true }] });
  expect(await readFile(join(directory, 'src/old.sh'), 'utf8')).toBe('new');
  expect(await readFile(join(directory, 'a b/c\nd/x.bin'))).toEqual(Buffer.from([0, 255, 10]));
  expect([await modeOf('src/old.sh'), await modeOf('-rf'), await modeOf('a b/c\nd/x.bin')]).toEqual([0o755, 0o755, 0o644]);
  expect(await entries()).toEqual(['-rf', 'a b', 'a b/c\nd', 'a b/c\nd/x.bin', 'src', 'src/old.sh']);
  const trees = await context.session.workspace.turn('turn_1');
  expect((await context.session.workspace.changes(trees ?? { from: '', to: '' })).files.map(({ path }) => path)).toEqual(['-rf', 'a b/c\nd/x.bin', 'src/old.sh']);
});

it('writes nothing where one of them cannot be written', async () => {
  await mkdir(join(home, 'other'));
  await symlink(join(home, 'other'), join(directory, 'up'));
  await symlink('src/old.sh', join(directory, 'link'));
  await run('mkfifo', ['fifo'], { cwd: directory });
  const before = await entries();
  for (const path of ['up/outside.txt', 'link', 'fifo', 'src', 'src/old.sh/x', '.git/hooks/x', 'deep/.GIT/config', 'a/./b', 'a//b']) {
    expect({ path, problem: await problem(putFiles(context, { files: [{ path: 'first.txt', content: '1' }, { path, content: 'x' }] })) }).toEqual({ path, problem: expect.stringContaining(path) });
  }
  expect(await problem(putFiles(context, { files: [{ path: 'x', content: '1' }, { path: 'x', content: '2' }] }))).toContain('twice');
  expect(await problem(putFiles(context, { files: [{ path: 'x', content: '1' }, { path: 'x/y', content: '2' }] }))).toContain('a file and as a directory');
  expect(await problem(putFiles(context, { files: [{ path: 'x', base64: 'no base64!' }] }))).toContain('base64');
  expect(await entries()).toEqual(before);
  expect(await readdir(join(home, 'other'))).toEqual([]);
});

it('takes back what it has written when a later one fails', async () => {
  const before = await entries();
  const tooLong = `new/dir/${'n'.repeat(300)}/x`;
  expect(await problem(putFiles(context, { files: [{ path: 'src/old.sh', content: 'lost' }, { path: 'made/by/it', content: 'x' }, { path: tooLong, content: 'x' }] }))).toContain('nothing was written');
  expect(await entries()).toEqual(before);
  expect(await readFile(join(directory, 'src/old.sh'), 'utf8')).toBe('old');
  expect(await modeOf('src/old.sh')).toBe(0o755);
});

it.each([['ustar', []], ['gnu', []], ['pax', []], ['pax', ['-z']]])('unpacks a tar archive (%s %j)', async (format, options) => {
  const source = join(home, 'source');
  const deep = `${'long-name-'.repeat(9)}/${'x'.repeat(90)}`;
  await mkdir(join(source, deep), { recursive: true });
  await writeFile(join(source, deep, 'ü.txt'), 'deep');
  await writeFile(join(source, 'run.sh'), 'x'.repeat(1000), { mode: 0o755 });
  const tar = (await run('tar', ['-c', `--format=${format}`, ...options, '-f', '-', '.'], { cwd: source })).stdout;
  await putFiles(context, { tar: tar.toString('base64') });
  expect(await readFile(join(directory, deep, 'ü.txt'), 'utf8')).toBe('deep');
  expect(await readFile(join(directory, 'run.sh'), 'utf8')).toBe('x'.repeat(1000));
  expect(await modeOf('run.sh')).toBe(0o755);
});

it('refuses an archive with more than files in it, or none', async () => {
  await symlink('/etc', join(directory, 'src', 'etc'));
  const tar = (await run('tar', ['-c', 'src'], { cwd: directory })).stdout;
  expect(await problem(putFiles(context, { tar: tar.toString('base64') }))).toContain('"src/etc", which is neither a file nor a directory');
  const absolute = (await run('tar', ['-cP', join(directory, 'src', 'old.sh')], { cwd: home })).stdout;
  expect(await problem(putFiles(context, { tar: absolute.toString('base64') }))).toContain('no plain path');
  expect(await problem(putFiles(context, { tar: Buffer.alloc(600, 'x').toString('base64') }))).toContain('no tar archive');
  expect(await problem(putFiles(context, { tar: tar.subarray(0, 520).toString('base64') }))).toContain('damaged');
  expect(await problem(putFiles(context, {}))).toContain('give files or tar');
});

describe('a put that is killed', () => {
  /** Where it is in its work: before this line, at the second of three files where there is one for each. */
  const STEPS = {
    'before it writes': 'for my $file (@files) {\n  my ($above, $mode)',
    'while it writes beside the places': 'sysopen(my $out, $new',
    'before it moves anything': 'print $told join("\\0", (map { (lstat',
    'while it moves a former file aside': 'rename $path, "$new.old"',
    'between the former file and the new one': 'rename $new, $path',
    'before it has told that it is done': 'rename $journal, $done',
  };
  const files = [{ path: 'first.txt', content: 'new' }, { path: 'src/old.sh', content: 'new' }, { path: 'deep/er/third.txt', content: 'new' }];

  async function killedAt(line: string): Promise<void> {
    const at = PUT.indexOf(line);
    const isPerFile = /^(?:sysopen|rename \$(?:path|new))/.test(line);
    const killed = `${PUT.slice(0, at)}kill 9, $$ ${isPerFile ? 'if $file->{path} eq "src/old.sh"' : ''}; ${PUT.slice(at)}`;
    expect(at).toBeGreaterThan(0);
    const upload = join(home, 'upload');
    await writeFile(upload, Buffer.concat(files.flatMap(({ path, content }) => toRecord({ path, content: Buffer.from(content) }))));
    expect((await run('sh', ['-c', killed, 'sh', upload], { cwd: directory })).exitCode).not.toBe(0);
  }
  const settle = () => run('sh', ['-c', SETTLE_PUTS], { cwd: directory });
  const filesIn = async () => (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => !entry.isDirectory()).map(({ name }) => name).toSorted();

  it.each(Object.entries(STEPS))('%s has changed nothing once somebody has looked', async (_, line) => {
    await killedAt(line);
    await settle();
    expect(await filesIn()).toEqual(['old.sh']);
    expect(await readFile(join(directory, 'src/old.sh'), 'utf8')).toBe('old');
    expect(await modeOf('src/old.sh')).toBe(0o755);
    expect(await putFiles(context, { files })).toMatchObject({ files: [{ created: true }, { created: false }, { created: true }] });
  });

  it('when all is in its place is done, and tidied by the next one', async () => {
    await killedAt('unlink map { defined');
    expect(await filesIn()).toHaveLength(5);
    await putFiles(context, { files: [{ path: 'other.txt', content: '' }] });
    expect(await filesIn()).toEqual(['first.txt', 'old.sh', 'other.txt', 'third.txt']);
    expect(await readFile(join(directory, 'src/old.sh'), 'utf8')).toBe('new');
  });

  it('leaves a file alone that somebody has made in the meantime, and takes no planted journal for one of its own', async () => {
    await killedAt(STEPS['between the former file and the new one']);
    await writeFile(join(directory, 'src/old.sh'), 'of somebody');
    await writeFile(join(home, 'victim'), 'kept');
    await symlink(home, join(directory, 'up'));
    await writeFile(join(directory, '.codex-mcp-put-1.journal'), ['1', 'up/victim', './up/.codex-mcp-put-1-0', 'ok', String((await lstat(join(home, 'victim'))).ino), 'staged', ''].join('\0'));
    await settle();
    expect(await readFile(join(directory, 'src/old.sh'), 'utf8')).toBe('of somebody');
    expect(await readFile(join(directory, 'src/old.sh.before-put'), 'utf8')).toBe('old');
    expect(await readFile(join(home, 'victim'), 'utf8')).toBe('kept');
    expect((await filesIn()).filter((name) => name.startsWith('.codex-mcp'))).toEqual([]);
  });
});
