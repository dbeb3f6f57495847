import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { AgentWorkspace } from '../agent-workspace.js';
import { localCommands, run } from '../local-commands.fixture.js';
import { edit, filesOf, seeded } from './random-edits.fixture.js';

jest.setTimeout(60_000); // on a busy machine

/** 25 × 2 × 10 = 500 edits; `SEED` repeats those of another run. */
const [REPOSITORIES, ROUNDS, EDITS] = [25, 2, 10];
const SEED = Number(process.env['SEED'] ?? 20_261_122);

let scratch: TemporaryDirectory;
beforeAll(async () => {
  scratch = await temporaryDirectory();
});
afterAll(() => scratch.remove());

type Pair = { workspace: AgentWorkspace; directory: string; clone: string };

/** A workspace and, beside it, a repository that is to follow it by diffs alone. */
async function pair(name: string): Promise<Pair> {
  const [directory, clone, stateDir] = ['workspace', 'clone', 'state'].map((part) => join(scratch.path, name, part)) as [string, string, string];
  for (const path of [directory, clone, stateDir]) await mkdir(path, { recursive: true });
  await run('git', ['init', '--quiet'], { cwd: clone });
  // As the documentation has it for repositories whose attributes change bytes.
  await writeFile(join(clone, '.git', 'info', 'attributes'), '* -text !eol -ident -filter -working-tree-encoding\n');
  return { directory, clone, workspace: new AgentWorkspace(localCommands, { cwd: directory, stateDir, workspace: { kind: 'volume' } }) };
}

/** Git's complaint, or nothing. */
async function apply(clone: string, diff: string): Promise<string> {
  const { exitCode, stderr } = await run('git', ['apply', '--whitespace=nowarn', '--allow-empty', '-'], { cwd: clone, input: diff });
  return exitCode === 0 ? '' : stderr.toString();
}

describe('a diff, applied to a clean clone, gives the workspace byte for byte', () => {
  it.each(Array.from({ length: REPOSITORIES }, (_, index) => SEED + index))('after the random edits of seed %d', async (seed) => {
    const random = seeded(seed);
    const { workspace, directory, clone } = await pair(`random-${seed}`);
    let from = await workspace.take();
    for (let round = 0; round < ROUNDS; round++) {
      const edits = [];
      for (let count = 0; count < EDITS; count++) edits.push(await edit(directory, random));
      const to = await workspace.take();
      const { diff, truncated } = await workspace.changes({ from, to });
      const problem = await apply(clone, diff);
      expect({ seed, round, edits, problem, truncated, files: await filesOf(clone) }).toEqual({ seed, round, edits, problem: '', truncated: false, files: await filesOf(directory) });
      from = to;
    }
  });

  it('with what is not UTF-8 as binary and everything else as text', async () => {
    const { workspace, directory, clone } = await pair('latin-1');
    const from = await workspace.take();
    await writeFile(join(directory, 'latin.txt'), Buffer.from('caf\xe9\n', 'latin1'));
    await writeFile(join(directory, 'utf8.txt'), 'café\n');
    await writeFile(join(directory, '.gitattributes'), '*.txt -diff\n');
    const { diff, files } = await workspace.changes({ from, to: await workspace.take() });
    expect(diff).toContain('+café');
    expect(diff).not.toContain('\ufffd');
    expect(files.map(({ path, binary }) => [path, binary])).toEqual([['.gitattributes', undefined], ['latin.txt', true], ['utf8.txt', undefined]]);
    expect(await apply(clone, diff)).toBe('');
    expect(await filesOf(clone)).toEqual(await filesOf(directory));
  });

  it('also where several are asked for at once', async () => {
    const { workspace, directory } = await pair('at-once');
    const from = await workspace.take();
    await writeFile(join(directory, 'latin.txt'), Buffer.from('caf\xe9\n', 'latin1'));
    await writeFile(join(directory, 'b.txt'), 'b\n');
    const to = await workspace.take();
    const all = await Promise.all([[], ['b.txt'], ['latin.txt'], [], ['b.txt']].map(async (paths) => (await workspace.changes({ from, to }, paths)).files.map(({ path }) => path)));
    expect(all).toEqual([['b.txt', 'latin.txt'], ['b.txt'], ['latin.txt'], ['b.txt', 'latin.txt'], ['b.txt']]);
  });

  it('but for files that are too large, which are named', async () => {
    const { workspace, directory, clone } = await pair('large');
    const from = await workspace.take();
    await writeFile(join(directory, 'a-long.txt'), 'line\n'.repeat(1000));
    await writeFile(join(directory, 'b\nodd.txt'), 'x'.repeat(3000));
    await writeFile(join(directory, 'c.txt'), 'fits\n');
    await writeFile(join(directory, 'huge.bin'), '');
    await truncate(join(directory, 'huge.bin'), 65 * 1024 * 1024);
    const { diff, files, truncated, note } = await workspace.changes({ from, to: await workspace.take() }, [], 1000);
    expect(files.map(({ path, in_diff }) => [path, in_diff])).toEqual([['a-long.txt', false], ['b\nodd.txt', false], ['c.txt', undefined], ['huge.bin', false]]);
    expect({ truncated, note }).toEqual({ truncated: true, note: 'Left out of the diff (the diff would be longer than 1000 bytes): a-long.txt, b\nodd.txt. Left out of the diff (larger than 64 MiB): huge.bin.' });
    expect(await apply(clone, diff)).toBe('');
    expect(Object.keys(await filesOf(clone))).toEqual(['/c.txt']);
  });

  it('but for links to what is not UTF-8, which are named', async () => {
    const { workspace, directory, clone } = await pair('links');
    const from = await workspace.take();
    await symlink(Buffer.from('caf\xe9', 'latin1'), join(directory, 'odd'));
    await symlink('café', join(directory, 'plain'));
    const { diff, files, note } = await workspace.changes({ from, to: await workspace.take() });
    expect(files.map(({ path, in_diff }) => [path, in_diff])).toEqual([['odd', false], ['plain', undefined]]);
    expect(note).toBe('Left out of the diff (a link whose target is not UTF-8): odd.');
    expect(await apply(clone, diff)).toBe('');
    expect(await filesOf(clone)).toEqual({ '/plain': `link ${Buffer.from('café').toString('latin1')}` });
  });

  it('with the commit of a nested repository, and without what cannot be read', async () => {
    const { workspace, directory, clone } = await pair('nested');
    const from = await workspace.take();
    const script = 'git init -q nested && cd nested && echo x > file && git add . && git -c user.name=a -c user.email=a@b commit -qm x && cd .. && git init -q unborn && mkfifo pipe && echo fine > fine.txt';
    await run('sh', ['-c', script], { cwd: directory });
    const { diff, files } = await workspace.changes({ from, to: await workspace.take() });
    expect(files.map(({ path }) => path)).toEqual(['fine.txt', 'nested']);
    expect(diff).toContain('+Subproject commit ');
    expect(await apply(clone, diff)).toBe('');
    expect(Object.keys(await filesOf(clone))).toEqual(['/fine.txt']);
  });
});
