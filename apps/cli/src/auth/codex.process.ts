import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { locateCodex } from '@codex-mcp/codex';
import { AppError } from '@codex-mcp/contracts';
import { z } from 'zod';
import { type AuthConfig, codexEnvironment, codexSettings, type Environment } from './auth.config.js';

const REPLY_TIMEOUT_MS = 60_000;
const EXIT_TIMEOUT_MS = 5000;

const Message = z.looseObject({ id: z.number().optional(), method: z.string().optional(), params: z.unknown().optional(), result: z.unknown().optional(), error: z.looseObject({ message: z.string() }).optional() });

const HOME_PREFIX = 'codex-home-';
/** A home of this age belongs to a sign-in that was killed. */
const LEFTOVER_MS = 3600_000;

type Pending = { resolve: (result: unknown) => void; reject: (error: Error) => void };

/** The pinned Codex as an app-server on standard input and output, with an empty home of its own that is deleted afterwards. */
export class CodexProcess extends EventEmitter<{ notification: [method: string, params: unknown] }> {
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    readonly home: string,
  ) {
    super();
    createInterface({ input: child.stdout }).on('line', (line) => this.receive(line));
    child.stdin.on('error', () => undefined);
    child.once('error', () => this.fail()).once('exit', () => this.fail());
    child.stderr.resume();
  }

  /** `directory` is where its home is made; `prepare` may put an auth.json there first. */
  static async start(config: AuthConfig, env: Environment, directory: string, prepare: (home: string) => Promise<void> = async () => undefined): Promise<CodexProcess> {
    const home = await makeHome(directory);
    try {
      await prepare(home);
      const settings = codexSettings(config).flatMap((setting) => ['-c', setting]);
      const child = spawn(locateCodex().codex, ['app-server', '--strict-config', ...settings], { cwd: home, env: codexEnvironment(env, home), stdio: 'pipe' });
      return await new CodexProcess(child, home).initialized();
    } catch (error) {
      await rm(home, { recursive: true, force: true });
      throw error;
    }
  }

  /** Rejects with Codex's own words where it refuses. */
  async request(method: string, params: unknown): Promise<unknown> {
    const id = this.nextId++;
    const reply = new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
    const timer = setTimeout(() => this.settle(id)?.reject(new AppError('service_unavailable', `Codex did not answer ${method} in time.`)), REPLY_TIMEOUT_MS);
    this.send({ id, method, params });
    return reply.finally(() => clearTimeout(timer));
  }

  /** Ends Codex and deletes its home with all that is in it. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), EXIT_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    }
    await rm(this.home, { recursive: true, force: true, maxRetries: 3 });
  }

  private async initialized(): Promise<this> {
    try {
      await this.request('initialize', { clientInfo: { name: 'codex-mcp', title: 'codex-mcp', version: '0' }, capabilities: null });
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.send({ method: 'initialized' });
    return this;
  }

  private send(message: object): void {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  private receive(line: string): void {
    const { id, method, params, result, error } = Message.safeParse(parseJson(line)).data ?? {};
    if (method !== undefined && id === undefined) return void this.emit('notification', method, params);
    const request = id === undefined ? undefined : this.settle(id);
    if (error) request?.reject(new AppError('service_unavailable', error.message));
    else request?.resolve(result);
  }

  private settle(id: number): Pending | undefined {
    const request = this.pending.get(id);
    this.pending.delete(id);
    return request;
  }

  private fail(): void {
    for (const id of this.pending.keys()) this.settle(id)?.reject(new AppError('service_unavailable', 'Codex ended before it had answered.'));
  }
}

async function makeHome(directory: string): Promise<string> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await removeLeftovers(directory);
    return await mkdtemp(join(directory, HOME_PREFIX));
  } catch (error) {
    throw new AppError('service_unavailable', `${directory} cannot be written (${(error as NodeJS.ErrnoException).code}). Give it to the user who signs in, or name another one with CREDENTIALS_DIR.`, { cause: error });
  }
}

async function removeLeftovers(directory: string): Promise<void> {
  const homes = (await readdir(directory)).filter((name) => name.startsWith(HOME_PREFIX)).map((name) => join(directory, name));
  for (const home of homes) if (Date.now() - (await stat(home)).mtimeMs > LEFTOVER_MS) await rm(home, { recursive: true, force: true });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
