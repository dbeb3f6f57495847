import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { agentKey, type Heartbeat, LOCAL_TENANT, newTurnId, supervisorQueueName, type TurnJob, TURNS_QUEUE } from '@codex-mcp/contracts';
import { createRedis, QUEUE_PREFIX, readHeartbeats, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { eventually, freePort, type RedisFixture, startRedis, TcpDoor, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { entryOf, LaunchedProcess } from '../stack/launched.process.js';

const TIMEOUT_MS = 60_000;
jest.setTimeout(3 * TIMEOUT_MS);

let server: RedisFixture;
let door: TcpDoor;
let redis: Redis;
let directory: TemporaryDirectory;
let service: LaunchedProcess | undefined;
let opsPort: number;

beforeEach(async () => {
  server = await startRedis();
  door = await TcpDoor.to(server.port);
  redis = createRedis(server.url);
  directory = await temporaryDirectory('cmq-');
  await mkdir(join(directory.path, 'home'));
  opsPort = await freePort();
});

afterEach(async () => {
  service?.signal('SIGKILL');
  await service?.exit();
  service = undefined;
  redis.disconnect();
  await door.close();
  await server.stop();
  await directory.remove();
});

type App = 'worker' | 'supervisor';

/** Starts the app behind the door; resolves when it takes jobs. */
async function launch(app: App): Promise<LaunchedProcess> {
  const { path } = directory;
  const env = {
    PATH: process.env['PATH'],
    HOME: join(path, 'home'),
    DATA_DIR: join(path, 'data'),
    RUN_DIR: join(path, 'run'),
    REDIS_URL: `redis://:${server.password}@127.0.0.1:${door.port}`,
    AGENT_RUNTIME: 'process',
    OPS_PORT: String(opsPort),
    CONSUMPTION_TIMEOUT: '3',
    SHUTDOWN_TIMEOUT: '1',
  };
  const launched = new LaunchedProcess([entryOf(app)], { env, cwd: path });
  service = launched;
  await launched.until(async () => (await health().catch(() => undefined))?.status === 200 && (await beatOf(app)) !== undefined, TIMEOUT_MS);
  return launched;
}

async function health(): Promise<{ status: number; problem: string | undefined }> {
  const answer = await fetch(`http://127.0.0.1:${opsPort}/health`);
  const { problem } = (await answer.json()) as { problem?: string };
  return { status: answer.status, problem };
}

const beatOf = async (app: App): Promise<Heartbeat | undefined> => (await readHeartbeats(redis)).find(({ service: name, pid }) => name === app && pid === service?.pid);

/** Puts a job into the queue of the app, and tells whether it was begun. */
async function submit(app: App): Promise<{ queue: string; begun: () => Promise<boolean> }> {
  const name = app === 'worker' ? TURNS_QUEUE : await supervisorQueue();
  const queue = new Queue(name, { connection: redis, prefix: QUEUE_PREFIX });
  const agent = { tenant: LOCAL_TENANT, agentId: 'a', key: agentKey(LOCAL_TENANT, 'a') };
  if (app === 'supervisor') {
    const job = await queue.add('stop', { agent });
    return { queue: name, begun: async () => (await job.getState()) === 'completed' };
  }
  const turns = new TurnStore(redis);
  const turnId = newTurnId();
  await turns.accept({ turnId, tool: 'chat', agent: { ...agent, agentId: turnId.slice(-8), key: agentKey(LOCAL_TENANT, turnId) }, arguments: { message: 'hi' }, correlationId: turnId, acceptedAtMs: Date.now() }, 10);
  await new TurnDispatcher(queue as Queue<TurnJob>, turns).enqueue({ turnId, agentKey: agentKey(LOCAL_TENANT, turnId), tool: 'chat', correlationId: turnId }, 0);
  return { queue: name, begun: async () => ((await turns.load(turnId))?.attempts ?? 0) > 0 };
}

async function supervisorQueue(): Promise<string> {
  const beat = await beatOf('supervisor');
  return supervisorQueueName(beat?.service === 'supervisor' ? beat.supervisorId : '');
}

/** The connection over which jobs are taken dies without a sign of it, and none takes its place; all others are fine. */
function breakConsumption(): void {
  door.rule = (sent) => (/evalsha|hello|auth/i.test(sent.toString('latin1')) ? 'swallow' : 'pass');
}

it.each(['worker', 'supervisor'] as const)('a %s that takes no jobs says so although Redis answers it, and ends to be started again', async (app) => {
  const broken = await launch(app);
  await eventually((await submit(app)).begun, { timeoutMs: TIMEOUT_MS });
  breakConsumption();
  const { queue, begun } = await submit(app);
  const reason = expect.stringContaining(`takes no jobs from "${queue}"`);
  const said = { health: undefined as unknown, beat: undefined as unknown };
  const listen = async () => {
    const answer = await health().catch(() => undefined);
    if (answer?.status === 503 && answer.problem?.includes(queue)) said.health = answer.problem;
    const beat = await beatOf(app);
    if (beat && 'stalled' in beat) said.beat = beat.stalled;
    return !broken.isRunning;
  };
  await eventually(listen, { timeoutMs: TIMEOUT_MS, intervalMs: 50 });
  expect(said).toEqual({ health: reason, beat: reason });
  expect(await broken.exit()).toBe(1);
  door.rule = () => 'pass';
  await launch(app);
  await eventually(begun, { timeoutMs: TIMEOUT_MS });
});
