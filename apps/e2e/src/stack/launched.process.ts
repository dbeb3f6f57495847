import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { serviceEntry } from '@codex-mcp/config';
import { atExit, eventually } from '@codex-mcp/testing';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The tree that this file was built in. */
export const repositoryRoot = fileURLToPath(new URL('../../../../', import.meta.url));

/** What an app is started with, of this tree or a copy. */
export const entryOf = (app: string, root = repositoryRoot): string => serviceEntry(root, app);

/** One of the product's programs as a child process, with its output kept. */
export class LaunchedProcess {
  output = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | NodeJS.Signals>;

  constructor(args: readonly string[], { env, cwd }: { env: Environment; cwd: string }) {
    const child = spawn(process.execPath, args, { env: { ...env }, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => (this.output += error.message));
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
    });
    // A test run that dies takes its children with it; the launcher then stops everything below it.
    const forget = atExit(() => child.kill('SIGTERM'));
    void this.ended.then(forget);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Its exit code, or the signal that ended it. */
  exit(): Promise<number | NodeJS.Signals> {
    return this.ended;
  }

  /** Polls until `condition` holds; rejects with the output when the process ends first or it takes too long. */
  async until(condition: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const outcome = await eventually(async () => (this.isRunning ? (await condition()) && 'met' : 'ended'), { timeoutMs }).catch(() => 'late');
    if (outcome !== 'met') throw new Error(`the process ${outcome === 'late' ? `was not ready within ${timeoutMs} ms` : 'ended too early'}:\n${this.output}`);
  }

  /** Ends it; rejects with the output when it does not end with 0. One that has not said anything yet may end by the signal: it is still being loaded. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.signal(signal);
    const code = await this.exit();
    const wasLoading = this.output === '' && code === signal;
    if (code !== 0 && !wasLoading) throw new Error(`it ended with ${code} after ${signal}:\n${this.output}`);
  }
}
