import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { atExit, eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import Docker from 'dockerode';
import { docker } from '../../stack/agent-containers.js';

const READY_MS = 60_000;
const END_MS = 20_000;
const LOG_TAIL = 2000;

/** Why this machine cannot have an engine of our own beside the one that runs; undefined where it can. */
export function whyNoPrivateEngine(): string | undefined {
  if (process.getuid?.() !== 0) return 'it starts an engine of its own, which only root can';
  const missing = ['dockerd', 'unshare'].find((program) => spawnSync('which', [program]).status !== 0);
  return missing === undefined ? undefined : `it starts an engine of its own, and there is no ${missing} here`;
}

/**
 * A Docker engine with its own data, in a network namespace of its own: a second one in the same namespace
 * would take the first one's bridge and rules away. Its containers live on while it is away.
 */
export class PrivateEngine {
  private child: ChildProcess | undefined;
  private readonly client: Docker;
  private readonly forget: () => void;

  private constructor(private readonly directory: TemporaryDirectory) {
    this.client = new Docker({ socketPath: this.path('sock') });
    this.forget = atExit(() => this.leaveNothing());
  }

  /** Resolves when it answers and has the image; leaves nothing behind when it does not. */
  static async start(image: string): Promise<PrivateEngine> {
    const engine = new PrivateEngine(await temporaryDirectory('cmd-'));
    try {
      await engine.launch();
      await engine.client.loadImage(await docker.getImage(image).get());
      return engine;
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  /** For DOCKER_HOST. */
  get host(): string {
    return `unix://${this.path('sock')}`;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Resolves when it answers. */
  async launch(): Promise<void> {
    const log = openSync(this.path('log'), 'a');
    const at = ['--data-root', this.path('data'), '--exec-root', this.path('exec'), '--pidfile', this.path('pid'), '--host', this.host];
    const without = ['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'];
    this.child = spawn('unshare', ['--net', 'dockerd', ...at, ...without, '--live-restore'], { stdio: ['ignore', log, log] });
    closeSync(log);
    const { child } = this;
    const answers = async () => {
      if (child.exitCode !== null) return 'ended';
      await this.client.ping();
      return 'answers';
    };
    const outcome = await eventually(answers, { timeoutMs: READY_MS, intervalMs: 50 }).catch(() => 'is silent');
    if (outcome !== 'answers') throw new Error(`the private engine ${outcome}: ${(await readFile(this.path('log'), 'utf8')).slice(-LOG_TAIL)}`);
  }

  /** Ends it with all its containers and deletes its data. Harmless when repeated. */
  async stop(): Promise<void> {
    await this.removeContainers().catch(() => undefined); // it may be away; then its processes are ended below
    await this.end('SIGTERM');
    await eventually(() => this.leaveNothing(), { timeoutMs: END_MS, intervalMs: 100 });
    this.forget();
    await this.directory.remove();
  }

  private async removeContainers(): Promise<void> {
    const containers = await this.client.listContainers({ all: true });
    await Promise.all(containers.map(({ Id }) => this.client.getContainer(Id).remove({ force: true, v: true })));
  }

  /** Everything that works in its directory is its: containerd, shims, mounts. Synchronous, as it is for exits too. False while some of it is left. */
  private leaveNothing(): boolean {
    const lines = spawnSync('ps', ['axww', '-o', 'pid=,args='], { encoding: 'utf8', maxBuffer: 2 ** 24 }).stdout.split('\n');
    const pids = lines.filter((line) => line.includes(`${this.directory.path}/`)).map((line) => Number.parseInt(line, 10));
    for (const pid of pids) endNow(pid);
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1] ?? '');
    const ours = mounts.filter((path) => path.startsWith(`${this.directory.path}/`)).toReversed();
    for (const path of ours) spawnSync('umount', ['-l', path]);
    return pids.length === 0 && ours.length === 0;
  }

  private path(name: string): string {
    return join(this.directory.path, name);
  }
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}
