import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { atExit } from './exit-cleanup.js';
import { freePort } from './free-port.js';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.js';

export interface RedisOptions {
  /** Keeps data over `kill` and `restart` with an append-only file, synced every second. Off by default. */
  readonly appendOnly?: boolean;
}

export interface RedisFixture {
  /** `redis://:password@127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  readonly password: string;
  /** Of the running server; throws when it is not running. */
  readonly pid: number;
  /** Sends a signal (SIGKILL by default); waits for the end of the process unless it is SIGSTOP or SIGCONT. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Stops the server if it runs, and starts it again with the same port, password and directory. */
  restart(): Promise<void>;
  /** Ends the server and deletes its directory; harmless when repeated. */
  stop(): Promise<void>;
}

const startTimeoutMs = 10_000;

/**
 * A private redis-server from PATH: free loopback port, random password, noeviction.
 * Rejects when redis-server is not installed or does not start.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisFixture> {
  const directory = await temporaryDirectory('codex-mcp-redis-');
  const redis = new RedisServer(await freePort(), directory, options);
  try {
    await redis.start();
  } catch (error) {
    await redis.stop();
    throw error;
  }
  return redis;
}

class RedisServer implements RedisFixture {
  readonly password = randomBytes(18).toString('hex');
  readonly url: string;
  private child: ChildProcess | undefined;
  private forget = () => {};

  constructor(
    readonly port: number,
    private readonly directory: TemporaryDirectory,
    private readonly options: RedisOptions,
  ) {
    this.url = `redis://:${this.password}@127.0.0.1:${port}`;
  }

  get pid(): number {
    if (this.child?.pid === undefined) throw new Error('redis-server is not running');
    return this.child.pid;
  }

  async start(): Promise<void> {
    const child = spawn('redis-server', ['-'], { stdio: 'pipe', env: process.env });
    this.forget = atExit(() => child.kill('SIGKILL'));
    child.once('exit', () => {
      if (this.child === child) this.child = undefined;
    });
    const ready = untilReady(child);
    // The configuration goes in by stdin: argv would show the password to every user of the machine.
    child.stdin.on('error', () => {});
    child.stdin.end(this.configuration());
    await ready;
    // A test that died without stop() must not keep its process from ending, which ends the server.
    for (const handle of [child, child.stdout, child.stderr]) unref(handle);
    this.child = child;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (!child) return;
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return void child.kill(signal);
    const exited = once(child, 'exit');
    child.ref();
    child.kill(signal);
    await exited;
  }

  async restart(): Promise<void> {
    await this.terminate();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.terminate();
    await this.directory.remove();
  }

  private async terminate(): Promise<void> {
    // A stopped process would keep SIGTERM pending.
    await this.kill('SIGCONT');
    await this.kill('SIGTERM');
    this.forget();
  }

  private configuration(): string {
    return [
      'bind 127.0.0.1',
      `port ${this.port}`,
      `requirepass ${this.password}`,
      `dir "${this.directory.path}"`,
      'save ""',
      `appendonly ${this.options.appendOnly ? 'yes' : 'no'}`,
      'maxmemory-policy noeviction',
      '',
    ].join('\n');
  }
}

/** The pipes of a child are sockets, though their type does not say so. */
function unref(handle: object): void {
  if ('unref' in handle && typeof handle.unref === 'function') handle.unref();
}

async function untilReady(child: ChildProcess): Promise<void> {
  let output = '';
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const read = (data: Buffer) => {
        output += data.toString();
        if (output.includes('Ready to accept connections')) resolve();
      };
      child.stdout?.on('data', read);
      child.stderr?.on('data', read);
      child.once('error', (error) => reject(spawnError(error)));
      child.once('exit', (code) => reject(new Error(`redis-server ended with code ${code}: ${output.slice(-500)}`)));
      timer = setTimeout(() => reject(new Error(`redis-server not ready in ${startTimeoutMs} ms: ${output.slice(-500)}`)), startTimeoutMs);
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function spawnError(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'ENOENT') return error;
  const remedy = 'install Redis 7 or later (Debian: apt-get install redis-server; macOS: brew install redis)';
  return new Error(`redis-server is not on PATH: ${remedy}`, { cause: error });
}
