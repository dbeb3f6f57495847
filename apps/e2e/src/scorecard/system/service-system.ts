import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { agentKey, LOCAL_TENANT, type TurnJob, TURNS_QUEUE } from '@codex-mcp/contracts';
import { createRedis, createSubscriber, QUEUE_PREFIX, readHeartbeats, TurnDispatcher, TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import { eventually, type FakeModel, freePort, type RedisFixture, startFakeModel, startRedis, TcpDoor, temporaryDirectory } from '@codex-mcp/testing';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { CleanUp } from '../../stack/clean-up.js';
import { sweepDeployment } from '../../stack/deployment-sweep.js';
import type { Environment } from '../../stack/launched.process.js';
import { ModelDoor } from './model-door.js';
import { type Service, ServiceGroup } from './service-group.js';

export type SystemOptions = {
  /** The tree whose built apps run: the repository, or a copy with a mutation. */
  readonly root: string;
  readonly workers: number;
  readonly edges?: number;
  readonly env?: Environment;
  /** Writes files for the services into the system's directory; resolves with the variables that name them. */
  readonly furnish?: ((directory: string) => Promise<Environment>) | undefined;
  /** The services reach Redis through {@link ServiceSystem.redisDoor}; what this process does goes past it. */
  readonly redisBehindDoor?: boolean;
};

const START_TIMEOUT_MS = 120_000;
/** Every request is kept: the model calls of each turn are counted when all is over. */
const LOG_LIMIT = 100_000;

/** The services as children of this process, to be killed one by one, with a Redis and a fake model of their own. */
export class ServiceSystem {
  private readonly cleanUp = new CleanUp();
  readonly deployment = `score-${randomBytes(4).toString('hex')}`;
  fake!: FakeModel;
  /** The services reach the fake model through it. */
  modelDoor!: ModelDoor;
  redisServer!: RedisFixture;
  redisDoor!: TcpDoor;
  redis!: Redis;
  turns!: TurnStore;
  dispatcher!: TurnDispatcher;
  logs!: TurnLogReader;
  readonly edgePorts: number[] = [];
  private readonly edges = new Map<number, Service>();
  private group!: ServiceGroup;
  private directory = '';

  private constructor(private readonly options: SystemOptions) {}

  /** Resolves when all services serve; cleans up by itself when they do not. */
  static async start(options: SystemOptions): Promise<ServiceSystem> {
    const system = new ServiceSystem(options);
    try {
      await system.prepare();
      await system.launchAll();
      return system;
    } catch (error) {
      await system.stop().catch(() => undefined); // the first failure is the one to tell
      throw error;
    }
  }

  get workers(): readonly Service[] {
    return this.group.running('worker');
  }

  get supervisor(): Service {
    const [one] = this.group.running('supervisor');
    if (!one) throw new Error('no supervisor runs');
    return one;
  }

  /** Where supervisor and gateway keep their sockets. */
  get runDir(): string {
    return join(this.directory, 'run');
  }

  get dataDir(): string {
    return join(this.directory, 'data');
  }

  /** All that run, in the order in which they are restarted. */
  services(): readonly Service[] {
    return ['mcp-edge', 'worker', 'supervisor', 'gateway'].flatMap((app) => this.group.running(app));
  }

  /** One more process of an app; `port` for an edge. */
  launch(app: string, port?: number): Service {
    const launched = this.group.launch(app, port === undefined ? {} : { PORT: String(port) });
    if (port !== undefined) this.edges.set(port, launched);
    return launched;
  }

  /** The edge that was launched last on that port. */
  edgeOn(port: number): Service | undefined {
    return this.edges.get(port);
  }

  /** Resolves when the process has said that it lives. */
  async alive(pid: number): Promise<void> {
    await eventually(async () => (await readHeartbeats(this.redis)).some((beat) => beat.pid === pid), { timeoutMs: START_TIMEOUT_MS });
  }

  /** Resolves when the edge on that port serves. */
  async serving(port: number): Promise<void> {
    await eventually(() => this.isServing(port), { timeoutMs: START_TIMEOUT_MS });
  }

  async isServing(port: number): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.ok === true;
  }

  /** Which process holds an agent's lease; undefined for one that is not ours, or none. */
  async holderOf(agentId: string): Promise<Service | undefined> {
    const holder = await this.redis.hget(`codex-mcp:agent:${agentKey(LOCAL_TENANT, agentId)}`, 'leaseHolder');
    return this.workers.find(({ pid }) => holder?.split('-').at(-2) === String(pid));
  }

  /** Services that ended although nobody ended them. */
  get fallen(): readonly string[] {
    return this.group.fallen;
  }

  /** Ends everything and leaves nothing behind. Harmless when repeated. */
  stop(): Promise<void> {
    return this.cleanUp.run();
  }

  private async prepare(): Promise<void> {
    const directory = this.cleanUp.add(await temporaryDirectory('cmc-'), (one) => one.remove());
    this.directory = directory.path;
    this.cleanUp.add(this.deployment, sweepDeployment);
    this.fake = this.cleanUp.add(await startFakeModel({ logLimit: LOG_LIMIT }), (fake) => fake.close());
    this.modelDoor = this.cleanUp.add(await ModelDoor.to(this.fake.port), (door) => door.lock());
    this.redisServer = this.cleanUp.add(await startRedis({ appendOnly: true }), (server) => server.stop());
    this.redisDoor = this.cleanUp.add(await TcpDoor.to(this.redisServer.port), (door) => door.close());
    await mkdir(join(directory.path, 'home'));
    const env = { ...this.environment(directory.path), ...(await this.options.furnish?.(directory.path)) };
    this.group = this.cleanUp.add(new ServiceGroup(this.options.root, directory.path, env), (group) => group.endAll());
    this.connect();
  }

  private connect(): void {
    const { url } = this.redisServer;
    this.redis = this.cleanUp.add(createRedis(url), (redis) => redis.disconnect());
    const subscriber = this.cleanUp.add(createSubscriber(this.redis), (redis) => redis.disconnect());
    const queue = this.cleanUp.add(new Queue<TurnJob>(TURNS_QUEUE, { connection: this.redis, prefix: QUEUE_PREFIX }), (one) => one.disconnect());
    queue.on('error', () => undefined); // outages are part of the plan
    this.turns = new TurnStore(this.redis);
    this.dispatcher = new TurnDispatcher(queue, this.turns);
    this.logs = new TurnLogReader(subscriber, this.redis);
  }

  private async launchAll(): Promise<void> {
    const workers = Array.from({ length: this.options.workers }, () => 'worker');
    const started = ['gateway', 'supervisor', ...workers].map((app) => this.launch(app));
    for (let index = 0; index < (this.options.edges ?? 0); index++) {
      const port = await freePort();
      this.edgePorts.push(port);
      this.launch('mcp-edge', port);
    }
    await Promise.all(started.map(({ pid }) => this.alive(pid)));
    await Promise.all(this.edgePorts.map((port) => this.serving(port)));
  }

  private environment(directory: string): Environment {
    const { PATH, DOCKER_HOST } = process.env;
    return {
      PATH,
      DOCKER_HOST,
      HOME: join(directory, 'home'),
      DATA_DIR: join(directory, 'data'),
      RUN_DIR: join(directory, 'run'),
      DEPLOYMENT: this.deployment,
      AGENT_RUNTIME: 'docker',
      OPENAI_API_KEY: 'sk-fake-of-the-scorecard',
      OPENAI_BASE_URL: `http://127.0.0.1:${this.modelDoor.port}/v1`,
      REDIS_URL: this.options.redisBehindDoor ? `redis://:${this.redisServer.password}@127.0.0.1:${this.redisDoor.port}` : this.redisServer.url,
      ...this.options.env,
    };
  }
}
