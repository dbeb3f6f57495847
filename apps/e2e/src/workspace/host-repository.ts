import { execFile } from 'node:child_process';
import { lchown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where the tests run as root, the workspace belongs to somebody else, as a user's directory does. */
export const owner = process.getuid?.() === 0 ? 12_345 : (process.getuid?.() ?? 0);

/** git as the user of a directory would run it; returns what it prints. */
export async function gitOfUser(directory: string, ...args: string[]): Promise<string> {
  return (await run('git', ['-c', 'safe.directory=*', '-c', 'user.name=Ada', '-c', 'user.email=ada@example.test', '-C', directory, ...args])).stdout;
}

/** A git repository with one commit of some files (path → content), owned by `owner`. */
export async function makeRepository(path: string, files: Record<string, string> = { 'src/app.js': 'export const answer = 41;\n' }): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(path, name, '..'), { recursive: true });
    await writeFile(join(path, name), content);
  }
  await gitOfUser(path, 'init', '--quiet');
  await gitOfUser(path, 'add', '--all');
  await gitOfUser(path, 'commit', '--quiet', '--message', 'The first commit of Ada');
  await ownAll(path);
  return path;
}

export async function ownAll(path: string): Promise<void> {
  for (const entry of ['.', ...(await readdir(path, { recursive: true }))]) await lchown(join(path, entry), owner, owner);
}
