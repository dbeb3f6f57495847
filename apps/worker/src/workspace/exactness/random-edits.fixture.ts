import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';

export type Random = (below: number) => number;

/** A generator of whole numbers that a seed determines. */
export function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Paths are Latin-1 strings here, a character for each byte: some are not UTF-8. */
const NAMES = [
  'plain.txt', 'Plain.txt', 'with space.txt', ' leading', 'trailing ', '"quoted"', "it's", 'back\\slash', 'new\nline', 'tab\tname', '-rf', '--', '*', 'a?b[c]', ':(top)x', '#hash', '!bang', '~', 'dir/one.txt', 'dir/two/three.md',
  'dir-x/a b/c', Buffer.from('ünï.txt').toString('latin1'), Buffer.from('日本/語.txt').toString('latin1'), 'caf\xe9.txt', '\xff\xfe/\x80', 'bell\x07', 'x => y', 'a/b/d', 'diff --git a', 'lfs.bin', 'script.sh', '.hidden', '.gitattributes', 'dir/.gitattributes',
];
const ATTRIBUTES = ['* text=auto', '*.txt text eol=crlf', '*.txt text eol=lf', '*.txt -diff', '* diff', '* ident', '*.txt working-tree-encoding=UTF-16', '* filter=lfs diff=lfs merge=lfs -text', '*.md merge=union', '* binary', '[attr]odd -text', '* whitespace=fix'];
const LINES = ['alpha', 'beta\r', '  gamma  ', '$Id$', '$Id: 0123 $', '', 'diff --git a/x b/x', '--- a/x', '+++ b/x', '-- ', '\xe9t\xe9', Buffer.from('été').toString('latin1'), 'delta\t', '\\ No newline at end of file', '@@ -1 +1 @@', '\xef\xbb\xbfbom', 'carriage\rreturn'];
const CONTENTS = ['', '\n', '\r\n', '\0', '\xff\xfea\0b\0\r\0\n\0', 'x', `${'long '.repeat(3000)}\0late`, 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', '\xe9'];

/** Those that are UTF-8: git can tell no others. */
const LINK_TARGETS = [...NAMES.filter((name) => isUtf8(Buffer.from(name, 'latin1'))), '/nowhere', '..'];

const pick = <Value>(random: Random, values: readonly Value[]): Value => values[random(values.length)] as Value;
const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');
const at = (root: string, name: string): Buffer => bytes(`${root}/${name}`);

/** One change of one file, of any kind that git can tell. Returns what it was. */
export async function edit(root: string, random: Random): Promise<string> {
  const name = pick(random, NAMES);
  const kind = name.endsWith('.gitattributes') ? 'attributes' : pick(random, ['write', 'write', 'append', 'append', 'change', 'change', 'content', 'link', 'mode', 'remove', 'move', 'move']);
  const path = at(root, name);
  const existing = await lstat(path).catch(() => undefined);
  if (kind === 'attributes') await replace(path, `${pick(random, ATTRIBUTES)}\n${pick(random, ATTRIBUTES)}\n`);
  else if (kind === 'write') await replace(path, text(random, 1 + random(40)));
  else if (kind === 'content') await replace(path, pick(random, CONTENTS));
  else if (kind === 'link') await replaceByLink(path, pick(random, LINK_TARGETS));
  else if (kind === 'remove') await rm(path, { recursive: true, force: true });
  else if (kind === 'mode' && existing?.isFile()) await chmod(path, (existing.mode & 0o100) === 0 ? 0o755 : 0o644);
  else if (kind === 'move' && existing) await move(root, path, pick(random, NAMES.filter((other) => !other.endsWith('.gitattributes'))));
  else if (existing?.isFile()) await rewrite(path, random, kind);
  else await replace(path, text(random, 1 + random(40)));
  return `${kind} ${JSON.stringify(name)}`;
}

function text(random: Random, lines: number): string {
  const content = Array.from({ length: lines }, () => `${pick(random, LINES)} ${random(5)}`).join(random(4) === 0 ? '\r\n' : '\n');
  return content + pick(random, ['', '\n', '\r\n', '\n\n']);
}

async function rewrite(path: Buffer, random: Random, kind: string): Promise<void> {
  const content = (await readFile(path)).toString('latin1');
  if (kind === 'append') return writeFile(path, bytes(content + text(random, 2)));
  const lines = content.split('\n');
  lines.splice(random(lines.length), random(3), ...text(random, 1 + random(2)).split('\n'));
  await writeFile(path, bytes(lines.join('\n')));
}

/** Makes room for a file, whatever stands at its path or above it. */
async function clear(path: Buffer): Promise<void> {
  const parts = path.toString('latin1').split('/');
  for (let length = 2; length < parts.length; length++) {
    const parent = bytes(parts.slice(0, length).join('/'));
    const stat = await lstat(parent).catch(() => undefined);
    if (stat && !stat.isDirectory()) await rm(parent);
    if (!stat?.isDirectory()) await mkdir(parent);
  }
  await rm(path, { recursive: true, force: true });
}

async function replace(path: Buffer, latin1: string): Promise<void> {
  await clear(path);
  await writeFile(path, bytes(latin1));
}

async function replaceByLink(path: Buffer, target: string): Promise<void> {
  await clear(path);
  await symlink(bytes(target), path);
}

async function move(root: string, from: Buffer, to: string): Promise<void> {
  const [source, target] = [from.toString('latin1'), `${root}/${to}`];
  if (`${target}/`.startsWith(`${source}/`) || `${source}/`.startsWith(`${target}/`)) return;
  await clear(bytes(target));
  await rename(from, bytes(target));
}

/** Path → type, mode and content of every file below, byte for byte, without `.git` at the top. */
export async function filesOf(root: string, below = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(bytes(root + below), { withFileTypes: true, encoding: 'buffer' })) {
    const name = `${below}/${entry.name.toString('latin1')}`;
    if (name === '/.git') continue;
    if (entry.isDirectory()) Object.assign(found, await filesOf(root, name));
    else found[name] = await described(bytes(root + name));
  }
  return found;
}

async function described(path: Buffer): Promise<string> {
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) return `link ${(await readlink(path, 'buffer')).toString('latin1')}`;
  const content = await readFile(path);
  const told = content.length > 1000 ? `${content.length} bytes ${createHash('sha256').update(content).digest('hex')}` : JSON.stringify(content.toString('latin1'));
  return `${(stat.mode & 0o100) === 0 ? '644' : '755'} ${told}`;
}
