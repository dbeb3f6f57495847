import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { CommandRunner } from './shadow-repository.js';

/** Runs a program on this machine to its end. */
export async function run(program: string, args: string[], options: { cwd: string; env?: Record<string, string>; input?: string }): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer }> {
  // `env` adds to what is there; spawn would replace it.
  const added = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', [...added, program, ...args], { cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const ended = once(child, 'close');
  child.stdin.on('error', () => undefined); // a program need not read all of it
  child.stdin.end(options.input ?? '');
  const [exitCode] = (await ended) as [number];
  return { exitCode, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
}

/** What Codex does in an agent: output comes back as text, lossy where it is not UTF-8. */
export const localCommands: CommandRunner = {
  async exec([program = '', ...args], { cwd, env }) {
    const { exitCode, stdout, stderr } = await run(program, args, { cwd, ...(env && { env }) });
    return { exitCode, stdout: stdout.toString('utf8'), stderr: stderr.toString('utf8') };
  },
  writeFile,
};
