import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultDataDir, serviceEntry, serviceMemory } from '@codex-mcp/config';
import { AppError, type Heartbeat } from '@codex-mcp/contracts';
import { createRedis, generateEnvelopeKeys, readHeartbeats } from '@codex-mcp/messaging';
import { endServicesOf, noteService } from './running-processes.js';
import { keysDirectory } from './keys-directory.js';
import { embeddedRedis, redisAnswers } from './redis.service.js';
import { ServiceProcess, type ServiceSpec } from './service.process.js';
import { dataPaths, type StartConfig } from './start.config.js';

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
/** Exit code of a service that its configuration keeps from starting. */
const EX_CONFIG = 78;

const SERVICES = ['gateway', 'supervisor', 'worker', 'mcp-edge'] as const;
/** Which service alone may see these. */
const HOLDERS: Readonly<Record<string, (typeof SERVICES)[number]>> = { OPENAI_API_KEY: 'gateway', CHATGPT_OAUTH_TOKEN: 'gateway', CODEX_API_KEY: 'gateway', OPS_PASSWORD: 'mcp-edge' };

type Env = Record<string, string | undefined>;

/** Redis and the four services as child processes: what runs here is what runs in compose. */
export class Stack {
  private readonly services: ServiceProcess[] = [];
  private failure: AppError | undefined;
  private ready = false;
  private readonly keys: ReturnType<typeof keysDirectory>;
  private redisUrl = '';
  /** Where services have users of their own in Redis. */
  private redisUrlOf: Partial<Record<(typeof SERVICES)[number], string>> = {};

  constructor(
    private readonly config: StartConfig,
    private readonly env: Env,
    private readonly onLine: (service: string, line: string) => void,
  ) {
    this.keys = keysDirectory(config, env);
  }

  /** Resolves with what the services say of themselves once all of them serve; stops everything and throws when one cannot. */
  async start(): Promise<Heartbeat[]> {
    try {
      const paths = dataPaths(this.config.DATA_DIR);
      for (const directory of [paths.logs, paths.run]) await mkdir(directory, { recursive: true, mode: 0o700 });
      await endServicesOf(paths.services);
      const { path, made, warning } = this.keys;
      if (path && made) generateEnvelopeKeys(path);
      if (warning) this.onLine('start', warning);
      this.redisUrl = await this.startRedis();
      for (const name of SERVICES) this.launch(this.serviceSpec(name));
      const beats = await this.serving();
      this.ready = true;
      return beats;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** In an order in which nobody loses whom it needs: edge, worker, supervisor (with its agents), gateway, Redis. */
  async stop(): Promise<void> {
    for (const service of this.services.toReversed()) await service.stop();
    await rm(dataPaths(this.config.DATA_DIR).services, { force: true });
  }

  private async startRedis(): Promise<string> {
    if (this.config.REDIS_URL) {
      await redisAnswers(this.config.REDIS_URL.reveal(), 5000);
      return this.config.REDIS_URL.reveal();
    }
    const paths = dataPaths(this.config.DATA_DIR);
    const { url, urlOf, spec } = await embeddedRedis(paths.redis, join(paths.logs, 'redis.log'), this.env);
    this.launch(spec);
    await redisAnswers(url, START_TIMEOUT_MS);
    this.redisUrlOf = urlOf;
    return url;
  }

  private launch(spec: ServiceSpec): void {
    const pidFile = dataPaths(this.config.DATA_DIR).services;
    const service = new ServiceProcess(spec, { start: (pid) => noteService(pidFile, pid), line: this.onLine, exit: (name, code) => this.exited(name, code) });
    this.services.push(service);
    service.start();
  }

  private exited(name: string, code: number | null): 'restart' | 'leave' {
    if (!this.ready) {
      this.failure ??= new AppError('service_unavailable', code === EX_CONFIG ? '' : `${name} ended with code ${code} while it started; see ${join(dataPaths(this.config.DATA_DIR).logs, `${name}.log`)}.`);
      return 'leave';
    }
    this.onLine(name, `${name} ended with code ${code}; starting it again`);
    return 'restart';
  }

  private serviceSpec(name: (typeof SERVICES)[number]): ServiceSpec {
    const paths = dataPaths(this.config.DATA_DIR);
    const memory = serviceMemory(name);
    const shared: Env = {
      ...memory.env,
      ...this.env,
      REDIS_URL: this.redisUrlOf[name] ?? this.redisUrl,
      RUN_DIR: this.env['RUN_DIR'] ?? paths.run,
      DATA_DIR: this.config.DATA_DIR,
      DEPLOYMENT: this.env['DEPLOYMENT'] ?? deploymentOf(this.config.DATA_DIR),
      ENVELOPE_KEYS_DIR: this.keys.path,
      AUDIT_DIR: this.env['AUDIT_DIR'] || paths.audit,
      OPS_PORT: undefined, // one port cannot be that of four services
    };
    const env: Env = Object.fromEntries(Object.entries(shared).filter(([key]) => (HOLDERS[key] ?? name) === name));
    if (name === 'gateway') delete env['ENVELOPE_KEYS_DIR'];
    if (name === 'supervisor') env['STOP_AGENTS_ON_SHUTDOWN'] ??= 'true';
    return { name, command: process.execPath, args: [...memory.flags, serviceEntry(root, name)], env, logFile: join(paths.logs, `${name}.log`) };
  }

  private async serving(): Promise<Heartbeat[]> {
    const redis = createRedis(this.redisUrl);
    try {
      for (const deadline = Date.now() + START_TIMEOUT_MS; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
        if (this.failure) throw this.failure;
        const beats = await readHeartbeats(redis);
        const mine = beats.filter(({ pid }) => this.services.some((service) => service.pid === pid));
        if (SERVICES.every((name) => mine.some(({ service }) => service === name))) return mine;
      }
    } finally {
      redis.disconnect();
    }
    throw new AppError('service_unavailable', `The services did not start within ${START_TIMEOUT_MS / 1000} s; see ${dataPaths(this.config.DATA_DIR).logs}.`);
  }
}

/** Servers with other data have agents of their own, also on the same Docker engine. */
const deploymentOf = (dataDir: string): string => (dataDir === defaultDataDir() ? 'default' : createHash('sha256').update(dataDir).digest('hex').slice(0, 8));

/** The tree that this file was built in. */
const root = fileURLToPath(new URL('../../../../', import.meta.url));
