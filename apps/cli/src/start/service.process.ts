import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const RESTART_DELAY_MS = 1000;
/** A service that ran this long before it ended is started again at once. */
const STABLE_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;

export type ServiceSpec = {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string | undefined>;
  /** Written to the standard input, for what must not stand in arguments. */
  input?: string;
  logFile: string;
};

export type ServiceEvents = {
  start: (pid: number) => void;
  line: (service: string, line: string) => void;
  /** The service ended before anybody asked it to. */
  exit: (service: string, code: number | null) => 'restart' | 'leave';
};

/** One child process: its log goes to a file, and it is started again when it ends by itself. */
export class ServiceProcess {
  private child: ChildProcess | undefined;
  private log: WriteStream;
  private stopping = false;
  private startedAt = 0;

  constructor(
    private readonly spec: ServiceSpec,
    private readonly on: ServiceEvents,
  ) {
    this.log = createWriteStream(spec.logFile, { flags: 'a', mode: 0o600 });
  }

  start(): void {
    const { command, args, env, input } = this.spec;
    this.startedAt = Date.now();
    // A process group of its own: Ctrl-C reaches only this launcher, which then stops everything in order.
    const child = spawn(command, args, { env, detached: true, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'ipc'] });
    this.child = child;
    if (child.pid !== undefined) this.on.start(child.pid);
    if (input !== undefined) child.stdin?.end(input);
    this.read(child.stdout);
    this.read(child.stderr);
    child.once('error', (error) => this.on.line(this.spec.name, error.message));
    child.once('close', (code) => this.ended(code));
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const { child } = this;
    if (child && this.isRunning) {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    }
    this.log.end();
  }

  private read(stream: Readable | null): void {
    if (!stream) return;
    createInterface({ input: stream }).on('line', (line) => {
      if (this.log.writable) this.log.write(`${line}\n`);
      this.on.line(this.spec.name, line);
    });
  }

  private ended(code: number | null): void {
    if (this.stopping || this.on.exit(this.spec.name, code) === 'leave') return;
    const delayMs = Date.now() - this.startedAt > STABLE_MS ? 0 : RESTART_DELAY_MS;
    setTimeout(() => !this.stopping && this.start(), delayMs);
  }
}
