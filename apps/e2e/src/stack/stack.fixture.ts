import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuntimeName } from '@codex-mcp/contracts';
import { createRedis, type EnvelopeIssuer, Envelopes, generateEnvelopeKeys, readHeartbeats } from '@codex-mcp/messaging';
import { type FakeModel, freePort, type RedisFixture, startFakeModel, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Redis } from 'ioredis';
import { sweepAgentProcesses } from './agent-processes.js';
import { sweepDeployment } from './deployment-sweep.js';
import { entryOf, type Environment, LaunchedProcess } from './launched.process.js';
import { type Headers, McpClients } from './mcp-clients.js';

export interface StackOptions {
  /** What hosts agents; docker by default. */
  readonly runtime?: RuntimeName;
  /** Added to the launcher's environment; undefined takes a variable away. */
  readonly env?: Environment;
  /** How many workers; more than one, or `ownRedis`, makes the stack use a Redis of the fixture instead of the launcher's. */
  readonly workers?: number;
  readonly ownRedis?: boolean;
  /** A copy of the built tree to run instead of the repository. */
  readonly root?: string;
  /** Used instead of a new one; not closed by `stop`. */
  readonly fake?: FakeModel;
}

/** The API key that the gateway gets. */
export const API_KEY = 'sk-fake-of-the-test-stack';

const startTimeoutMs = 60_000;

/** The whole product, as `codex-mcp start` runs it, against a fake model. */
export class Stack {
  readonly url: string;
  readonly dataDir: string;
  private readonly clients: McpClients;
  private launcher: LaunchedProcess | undefined;
  private workers: LaunchedProcess[] = [];
  private readonly launched: LaunchedProcess[] = [];
  private redisClient: Redis | undefined;

  constructor(
    readonly fake: FakeModel,
    readonly deployment: string,
    private readonly directory: TemporaryDirectory,
    readonly port: number,
    private readonly redisServer: RedisFixture | undefined,
    private readonly options: StackOptions,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.dataDir = join(directory.path, 'data');
    this.clients = new McpClients(this.url);
  }

  /** Everything that the launcher and the additional workers have printed since the last start. */
  get output(): string {
    return [this.launcher, ...this.workers].map((one) => one?.output ?? '').join('');
  }

  /** Of the launcher. */
  get pid(): number {
    return this.launcher?.pid ?? 0;
  }

  /** Where the processes are started. */
  get workingDirectory(): string {
    return this.directory.path;
  }

  /** A connected SDK client over HTTP+SSE; `stop` closes it. */
  sseClient(name = 'e2e', headers?: Headers): Promise<Client> {
    return this.clients.sse(name, headers);
  }

  /** A connected SDK client over Streamable HTTP; `stop` closes it. */
  httpClient(name = 'e2e', headers?: Headers): Promise<Client> {
    return this.clients.http(name, headers);
  }

  /** The fixture's Redis server. Throws without `ownRedis` or several workers: the launcher's own keeps its password to itself. */
  get redisFixture(): RedisFixture {
    if (!this.redisServer) throw new Error('start the stack with ownRedis to look into its Redis');
    return this.redisServer;
  }

  /** A connection to {@link redisFixture}, closed by `stop`. */
  redis(): Redis {
    this.redisClient ??= createRedis(this.redisFixture.url);
    return this.redisClient;
  }

  /** Starts the processes; resolves when the edge says that all of them serve. */
  async start(): Promise<void> {
    this.launcher = this.launch('cli', 'start');
    const { launcher } = this;
    // An earlier server that was killed may still answer for a moment.
    await launcher.until(async () => launcher.output.includes('serves at') && (await this.isServing()), startTimeoutMs);
    const additional = (this.options.workers ?? 1) - 1;
    this.workers = Array.from({ length: additional }, () => this.launch('worker'));
    if (additional > 0) await this.launcher.until(async () => (await this.livingWorkers()) > additional, startTimeoutMs);
  }

  /** Ends the processes; rejects when one ends otherwise than in order. Data, stopped containers and volumes stay. */
  async shutDown(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const { launcher, workers } = this;
    [this.launcher, this.workers] = [undefined, []];
    await this.clients.closeAll();
    const ends = await Promise.allSettled([...workers.map((worker) => worker.stop('SIGTERM')), launcher?.stop(signal)]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** Ends the launcher and the workers at once, as a crash of the machine's user session would; the launcher's children go on. */
  async kill(): Promise<void> {
    const killed = [this.launcher, ...this.workers].filter((one) => one !== undefined);
    [this.launcher, this.workers] = [undefined, []];
    await this.clients.closeAll();
    for (const one of killed) one.signal('SIGKILL');
    await Promise.all(killed.map((one) => one.exit()));
  }

  /** Stops everything in order and starts it again with the same data, port and fake model. Clients are closed. */
  async restart(): Promise<void> {
    await this.shutDown();
    await this.start();
  }

  /** Ends everything and leaves nothing behind; rejects when a process did not end in order. Harmless when repeated. */
  async stop(): Promise<void> {
    try {
      await this.shutDown();
    } finally {
      for (const one of this.launched) one.signal('SIGKILL');
      this.redisClient?.disconnect();
      await this.redisServer?.stop();
      if (!this.options.fake) await this.fake.close();
      await (this.options.runtime === 'process' ? sweepAgentProcesses(this.dataDir) : sweepDeployment(this.deployment));
      await this.directory.remove();
    }
  }

  /** What the launcher is started with; nothing of this machine's own sign-in or settings comes in. */
  get environment(): Environment {
    const { PATH, DOCKER_HOST } = process.env;
    return {
      PATH,
      DOCKER_HOST,
      HOME: join(this.directory.path, 'home'),
      DATA_DIR: this.dataDir,
      PORT: String(this.port),
      DEPLOYMENT: this.deployment,
      AGENT_RUNTIME: this.options.runtime ?? 'docker',
      OPENAI_API_KEY: API_KEY,
      OPENAI_BASE_URL: this.fake.baseUrl,
      // For a Redis that it did not start, the launcher makes no keys.
      ...(this.redisServer && { REDIS_URL: this.redisServer.url, ENVELOPE_KEYS_DIR: this.keysDirectory }),
      ...this.options.env,
    };
  }

  /** A further process of the product with this stack's environment, for the caller to end; `stop` kills what is left. */
  launch(app: string, ...args: string[]): LaunchedProcess {
    const launched = new LaunchedProcess([entryOf(app, this.options.root), ...args], { env: this.environment, cwd: this.workingDirectory });
    this.launched.push(launched);
    return launched;
  }

  /** What one of the services signs with, for tests that write into Redis in its place. */
  envelopes(issuer: EnvelopeIssuer): Envelopes {
    return Envelopes.from(this.keysDirectory, issuer);
  }

  /** Where the services' keys are. */
  get keysDirectory(): string {
    return join(this.dataDir, 'keys');
  }

  private async isServing(): Promise<boolean> {
    const answer = await fetch(`${this.url}/health`).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === 200;
  }

  private async livingWorkers(): Promise<number> {
    return (await readHeartbeats(this.redis())).filter(({ service }) => service === 'worker').length;
  }
}

/** Starts a fake model and the product; cleans up by itself when that fails. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const stack = await prepareStack(options);
  try {
    await stack.start();
    return stack;
  } catch (error) {
    await stack.stop().catch(() => undefined); // the first failure is the one to tell
    throw error;
  }
}

/** The same without starting the product, for tests of the start itself. */
export async function prepareStack(options: StackOptions = {}): Promise<Stack> {
  const directory = await temporaryDirectory('cme-');
  await mkdir(join(directory.path, 'home'));
  const fake = options.fake ?? (await startFakeModel());
  const redis = options.ownRedis || (options.workers ?? 1) > 1 ? await startRedis({ appendOnly: true }) : undefined;
  const stack = new Stack(fake, `e2e-${randomBytes(4).toString('hex')}`, directory, await freePort(), redis, options);
  if (redis) generateEnvelopeKeys(stack.keysDirectory);
  return stack;
}
