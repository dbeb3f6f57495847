import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { lstat, mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';

/** Path → mode and content (base64, so that a difference in one byte is one) of everything below, without `.git`. */
export async function treeOf(directory: string): Promise<Record<string, string | undefined>> {
  const entries = await readdir(directory, { recursive: true });
  const paths = entries.filter((path) => !path.split('/').includes('.git')).toSorted();
  const described = await Promise.all(paths.map(async (path) => [path, await entryOf(join(directory, path))] as const));
  return Object.fromEntries(described.filter(([, entry]) => entry));
}

async function entryOf(path: string): Promise<string | undefined> {
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) return `link ${await readlink(path)}`;
  if (!stat.isFile()) return undefined;
  // As in git, only whether it is executable counts.
  return `${(stat.mode & 0o100) === 0 ? '644' : '755'} ${(await readFile(path)).toString('base64')}`;
}

/** Path → kind, mode, owner, time of the last change and content (hashed) of everything below, `.git` and directories included. */
export async function fingerprintOf(directory: string): Promise<Record<string, string>> {
  const paths = ['.', ...(await readdir(directory, { recursive: true }))].toSorted();
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await printOf(join(directory, path))] as const)));
}

async function printOf(path: string): Promise<string> {
  const stat = await lstat(path);
  const content = stat.isFile() ? await readFile(path) : stat.isSymbolicLink() ? await readlink(path) : '';
  return [stat.mode.toString(8), stat.uid, stat.gid, stat.mtimeMs, createHash('sha256').update(content).digest('hex')].join(' ');
}

/** Copies a container's /workspace to a new directory of the host. */
export async function copyWorkspace(container: Docker.Container, directory: string): Promise<void> {
  await mkdir(directory);
  const tar = spawn('tar', ['-x', '--no-same-owner', '-f', '-', '-C', directory], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(tar, 'close');
  await pipeline(await container.getArchive({ path: '/workspace/.' }), tar.stdin);
  const [code] = (await ended) as [number];
  if (code !== 0) throw new Error(`tar ended with ${code}`);
}

/** Applies a diff to a directory as a user would. Rejects with git's words when it does not fit. */
export async function applyDiff(directory: string, diff: string): Promise<void> {
  const git = spawn('git', ['apply', '--whitespace=nowarn', '-'], { cwd: directory, stdio: ['pipe', 'ignore', 'pipe'] });
  let problem = '';
  git.stderr.setEncoding('utf8').on('data', (text: string) => (problem += text));
  const ended = once(git, 'close');
  git.stdin.end(diff);
  const [code] = (await ended) as [number];
  if (code !== 0) throw new Error(`git apply ended with ${code}: ${problem}`);
}
