import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { FileWrite } from '@codex-mcp/contracts';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { ApplyJournal } from './apply-journal.js';
import { TreeWriter } from './tree-writer.js';

jest.setTimeout(60_000); // on a busy machine

type Files = Record<string, string>;

const MODES = { file: '100644', run: '100755', link: '120000' } as const;

let directory: TemporaryDirectory;
let root: string;
let journal: ApplyJournal;

beforeEach(async () => {
  directory = await temporaryDirectory();
  root = join(directory.path, 'tree');
  mkdirSync(root);
  journal = new ApplyJournal(join(directory.path, 'run'));
});
afterEach(() => directory.remove());

/** "run:…" is an executable file, "link:…" a symbolic link, all else a file. */
function parse(text: string): { mode: (typeof MODES)[keyof typeof MODES]; content: Buffer } {
  const [, kind, rest] = /^(run|link):([^]*)$/.exec(text) ?? [undefined, 'file', text];
  return { mode: MODES[kind as keyof typeof MODES], content: Buffer.from(rest ?? '') };
}

const oidOf = (content: Buffer) => createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

function put(files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    const { mode, content } = parse(text);
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (mode === MODES.link) symlinkSync(content, join(root, path));
    else {
      writeFileSync(join(root, path), content);
      chmodSync(join(root, path), mode === MODES.run ? 0o755 : 0o644);
    }
  }
}

function look(): Files {
  const entries = readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();
  return Object.fromEntries(
    entries.flatMap((path) => {
      const stats = lstatSync(join(root, path));
      if (stats.isDirectory()) return [];
      if (stats.isSymbolicLink()) return [[path, `link:${readlinkSync(join(root, path))}`]];
      return [[path, `${(stats.mode & 0o100) === 0 ? '' : 'run:'}${readFileSync(join(root, path), 'utf8')}`]];
    }),
  );
}

/** What leads from some files to others. */
function between(before: Files, after: Files): FileWrite[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((path): FileWrite[] => {
    if (before[path] === after[path]) return [];
    const [old, wanted] = [before[path], after[path]].map((text) => (text === undefined ? null : parse(text)));
    return [
      {
        path: Buffer.from(path).toString('base64'),
        old: old ? { mode: old.mode, oid: oidOf(old.content) } : null,
        new: wanted ? { mode: wanted.mode, content: wanted.content.toString('base64') } : null,
      },
    ];
  });
}

const write = (before: Files, after: Files) => new TreeWriter(root, journal).write(between(before, after));

const BEFORE: Files = { 'kept.txt': 'kept', 'a/b/deep.txt': 'one', 'a/gone.txt': 'x', tool: 'run:#!/bin/sh', pointer: 'link:kept.txt', 'dir/inside': 'was a directory', flat: 'was a file', turned: 'link:nowhere' };
const AFTER: Files = { 'kept.txt': 'kept', 'a/b/deep.txt': 'two', 'new/x.txt': 'new', tool: '#!/bin/sh', pointer: 'link:new/x.txt', dir: 'is a file', 'flat/inside': 'run:is a directory', 'turned/inside': 'was a link' };

describe('a tree', () => {
  it('becomes what was asked for, and nothing else is left in it', async () => {
    put(BEFORE);
    expect(await write(BEFORE, AFTER)).toEqual({ changed: [] });
    expect(look()).toEqual(AFTER);
    expect(readdirSync(root).toSorted()).toEqual(['a', 'dir', 'flat', 'kept.txt', 'new', 'pointer', 'tool', 'turned']);
  });

  it('keeps the permissions of its files', async () => {
    put({ secret: 'old' });
    chmodSync(join(root, 'secret'), 0o600);
    await write({ secret: 'old' }, { secret: 'new' });
    expect(lstatSync(join(root, 'secret')).mode & 0o777).toBe(0o600);
    await write({ secret: 'new' }, { secret: 'run:new' });
    expect(lstatSync(join(root, 'secret')).mode & 0o777).toBe(0o700);
  });

  it.each<[string, string, () => void]>([
    ['another content', 'a/gone.txt', () => writeFileSync(join(root, 'a/gone.txt'), 'edited')],
    ['another mode', 'tool', () => chmodSync(join(root, 'tool'), 0o644)],
    ['a file where there was none', 'new/x.txt', () => put({ 'new/x.txt': 'of the user' })],
    ['no file where there was one', 'a/b/deep.txt', () => rmSync(join(root, 'a/b/deep.txt'))],
    ['a link where a directory was', 'a/b/deep.txt', () => [renameSync(join(root, 'a/b'), join(root, 'elsewhere')), symlinkSync('../elsewhere', join(root, 'a/b'))]],
    ['more in a directory that is to be a file', 'dir', () => put({ 'dir/ignored': 'precious' })],
  ])('with %s stays as it is, and the path is named', async (_, path, edit) => {
    put(BEFORE);
    edit();
    const before = look();
    expect((await write(BEFORE, AFTER)).changed).toContain(path);
    expect(look()).toEqual(before);
  });

  it.each(['../out', 'a/../../out', '/etc/x', 'a//b', './x', '.git/config', 'sub/.GIT/hooks/x', '.codex-mcp-apply-x/y', 'nul\0'])('is never written at %j', async (path) => {
    await expect(write({}, { [path]: 'x' })).rejects.toMatchObject({ code: 'invalid_arguments' });
  });
});

describe('an edit at the same time', () => {
  let editor: ChildProcess | undefined;
  afterEach(() => void editor?.kill('SIGKILL'));

  it('is never lost', async () => {
    put({ file: '0' });
    editor = startEditor(join(root, 'file'));
    const outcomes = { written: 0, refused: 0 };
    while (outcomes.written < 20 || outcomes.refused < 5) {
      const present = readFileSync(join(root, 'file'), 'utf8');
      // Half of the time the editor gets its chance between what was read and what is written.
      if (outcomes.refused <= outcomes.written) await edited(present);
      const { changed } = await write({ file: present }, { file: `${present}+` });
      outcomes[changed.length > 0 ? 'refused' : 'written']++;
    }
    editor.kill('SIGTERM');
    await once(editor, 'exit');
    // The editor adds to what it finds, so a number that is missing was an edit that was written over.
    const numbers = readFileSync(join(root, 'file'), 'utf8').replaceAll('+', '').split(',').slice(1);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, at) => String(at + 1)));
  });

  const edited = (present: string) => eventually(() => readFileSync(join(root, 'file'), 'utf8') !== present, { intervalMs: 1 });
});

describe('what a crash left half done', () => {
  const staging = '.codex-mcp-apply-crashed';
  const entry = (path: string, text: string | null) => {
    const placed = text === null ? null : parse(text);
    return { path: Buffer.from(path).toString('base64'), put: placed && { mode: placed.mode, oid: oidOf(placed.content) } };
  };

  /** A file replaced, one made, one moved away; as after a kill before the end was written down. */
  async function crash(): Promise<void> {
    mkdirSync(join(root, staging));
    put({ [`${staging}/old-0`]: 'old', [`${staging}/new-0`]: 'new', [`${staging}/new-1`]: 'made', [`${staging}/old-2`]: 'moved' });
    linkSync(join(root, staging, 'new-0'), join(root, 'replaced'));
    linkSync(join(root, staging, 'new-1'), join(root, 'made'));
    await journal.begin({ root, staging, entries: [entry('replaced', 'new'), entry('made', 'made'), entry('moved/away', null)] });
  }

  it('is taken back', async () => {
    await crash();
    await new TreeWriter(root, journal).recover();
    expect(look()).toEqual({ replaced: 'old', 'moved/away': 'moved' });
    expect(await journal.all()).toEqual([]);
  });

  it('is left to whoever has worked on it since, and the former file is beside it', async () => {
    await crash();
    writeFileSync(join(root, 'replaced'), 'edited in place');
    writeFileSync(join(root, 'made'), 'edited too');
    await new TreeWriter(root, journal).recover();
    expect(look()).toEqual({ replaced: 'edited in place', 'replaced.before-apply': 'old', made: 'edited too', 'moved/away': 'moved' });
  });

  it('is not believed of the directory itself', async () => {
    put({ 'secret/kept': 'x', [`tree/${staging}/journal`]: JSON.stringify({ paths: [Buffer.from('../planted').toString('base64')] }), [`tree/${staging}/old-0`]: 'planted' });
    await new TreeWriter(root, journal).write([]);
    expect(readdirSync(directory.path)).not.toContain('planted');
  });
});

describe('a crash', () => {
  it('leaves all or, after the next start, nothing', async () => {
    const [writer, journals] = ['tree-writer', 'apply-journal'].map((name) => JSON.stringify(new URL(`../../dist/workspace/${name}.js`, import.meta.url).href));
    const script = `const [{ TreeWriter }, { ApplyJournal }] = await Promise.all([import(${writer}), import(${journals})]);
      process.stdout.write('.');
      await new TreeWriter(${JSON.stringify(root)}, new ApplyJournal(${JSON.stringify(join(directory.path, 'run'))})).write(JSON.parse(process.argv[1]));`;
    for (let round = 0; round < 16; round++) {
      rmSync(root, { recursive: true });
      put(BEFORE);
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(between(BEFORE, AFTER))], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      await killWhen(child, round);
      await new TreeWriter(root, journal).recover();
      const found = Object.entries(look()).filter(([path]) => !path.startsWith('.codex-mcp-apply-'));
      expect([BEFORE, AFTER]).toContainEqual(Object.fromEntries(found));
    }
  });
});

/** Kills at a moment that differs from round to round: when so much of the work is visible, or is done. */
async function killWhen(child: ChildProcess, round: number): Promise<void> {
  const isOver = once(child, 'exit');
  const steps = round % 8;
  const isTime = () => steps < 7 && staged() > steps * 2;
  while (child.exitCode === null && !isTime()) await new Promise(setImmediate);
  child.kill('SIGKILL');
  await isOver;
}

function staged(): number {
  try {
    const staging = readdirSync(root).find((name) => name.startsWith('.codex-mcp-apply-'));
    return staging === undefined ? 0 : readdirSync(join(root, staging)).length;
  } catch {
    return 0; // gone between the two looks
  }
}

/** Another process that adds to a file as editors do: reads it, and puts a new one in its place. */
function startEditor(file: string): ChildProcess {
  const script = `const fs = require('node:fs'); const file = process.argv[1]; let n = 0;
    process.once('SIGTERM', () => process.exit());
    setInterval(() => {
      let text; try { text = fs.readFileSync(file, 'utf8'); } catch { return; }
      fs.writeFileSync(file + '.edit', text + ',' + ++n);
      fs.renameSync(file + '.edit', file);
    }, 20);`;
  return spawn(process.execPath, ['-e', script, file], { stdio: 'inherit' });
}
