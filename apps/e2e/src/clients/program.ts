import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { atExit } from '@codex-mcp/testing';

export type Program = { readonly command: string; readonly args: readonly string[]; readonly env?: Record<string, string>; readonly home: string; readonly input?: string; /** What to say on standard input to have it stop; SIGINT otherwise. */ readonly farewell?: string };

export type Outcome = { readonly code: number | null; readonly out: string; readonly said: string };

/** Runs a client that is a program of its own; `signal` interrupts it. Nothing of this machine's settings reaches it. */
export async function run({ command, args, env = {}, home, input, farewell }: Program, signal?: AbortSignal): Promise<Outcome> {
  const child = spawn(command, args, { cwd: home, env: { PATH: process.env['PATH'], HOME: home, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const forget = atExit(() => child.kill('SIGKILL'));
  const interrupt = () => void (farewell === undefined ? child.kill('SIGINT') : child.stdin.end(farewell));
  signal?.addEventListener('abort', interrupt, { once: true });
  child.stdin.on('error', () => undefined); // it need not read
  if (signal && farewell !== undefined) child.stdin.write(input ?? '');
  else child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  try {
    const [out, said, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { code, out, said };
  } finally {
    signal?.removeEventListener('abort', interrupt);
    forget();
  }
}

/** What it printed; throws with that when it ended otherwise than with 0. */
export async function outputOf(program: Program, signal?: AbortSignal): Promise<string> {
  const { code, out, said } = await run(program, signal);
  if (code !== 0) throw new Error(`${program.command.split('/').at(-1)} ended with ${code}: ${(said || out).trim().slice(-600)}`);
  return out;
}
