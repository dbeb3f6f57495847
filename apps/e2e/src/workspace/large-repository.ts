import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { owner } from './host-repository.js';

const FILES_PER_DIRECTORY = 100;
const LINES = 12;

/** A repository with one commit of `files` text files (`d0/f0.txt`, …) of half a kilobyte, checked out, owned by `owner`. */
export async function makeLargeRepository(path: string, files: number): Promise<string> {
  await mkdir(path);
  await run(path, 'git', ['init', '--quiet', '--initial-branch', 'main']);
  await run(path, 'git', ['fast-import', '--quiet'], commitOf(files));
  await run(path, 'git', ['reset', '--quiet', '--hard']);
  await run(path, 'chown', ['-R', `${owner}:${owner}`, '.']);
  return path;
}

/** How its files are called and what is in them. */
export const largeFile = (at: number) => ({ path: `d${Math.floor(at / FILES_PER_DIRECTORY)}/f${at % FILES_PER_DIRECTORY}.txt`, content: Array.from({ length: LINES }, (_, line) => `line ${line} of the file with number ${at}\n`).join('') });

async function run(cwd: string, program: string, args: string[], input = ''): Promise<void> {
  const child = spawn(program, args, { cwd, stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.on('error', () => undefined); // a program need not read it
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${program} ${args[0]} ended with ${code}`);
}

function commitOf(files: number): string {
  const entries = Array.from({ length: files }, (_, at) => largeFile(at)).map(({ path, content }) => `M 100644 inline ${path}\ndata ${content.length}\n${content}`);
  return ['commit refs/heads/main', 'committer Ada <ada@example.test> 1700000000 +0000', 'data 19', 'The commit of Ada.\n', ...entries].join('\n');
}
