import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { readHeartbeats, createRedis } from '@codex-mcp/messaging';
import { describeWithDocker, eventually, freePort, type RedisFixture, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { entryOf, LaunchedProcess } from '../stack/launched.process.js';

const TIMEOUT_MS = 60_000;
const ENGINE = '/var/run/docker.sock';
jest.setTimeout(3 * TIMEOUT_MS);

describeWithDocker('an engine that takes requests and does not answer', () => {
  let directory: TemporaryDirectory;
  let server: RedisFixture;
  let redis: Redis;
  let door: Server;
  let supervisor: LaunchedProcess | undefined;
  let opsPort: number;
  let isSilent = false;
  const open = new Set<Socket>();

  /** What comes in goes to the real engine, or nowhere. */
  const pass = (client: Socket) => {
    const engine = connect(ENGINE);
    for (const [from, to] of [[client, engine], [engine, client]] as const) {
      open.add(from);
      from.on('data', (chunk) => void (isSilent || to.write(chunk))).on('error', () => undefined).on('close', () => {
        open.delete(from);
        to.destroy();
      });
    }
  };

  beforeAll(async () => {
    [server, directory, opsPort] = await Promise.all([startRedis(), temporaryDirectory('cme-'), freePort()]);
    redis = createRedis(server.url);
    door = createServer(pass).listen(join(directory.path, 'engine.sock'));
    await Promise.all([once(door, 'listening'), mkdir(join(directory.path, 'home'))]);
    const { path } = directory;
    supervisor = new LaunchedProcess([entryOf('supervisor')], {
      cwd: path,
      env: {
        PATH: process.env['PATH'],
        HOME: join(path, 'home'),
        DATA_DIR: join(path, 'data'),
        RUN_DIR: join(path, 'run'),
        REDIS_URL: server.url,
        AGENT_RUNTIME: 'docker',
        DOCKER_HOST: `unix://${join(path, 'engine.sock')}`,
        DEPLOYMENT: `silent-${randomBytes(4).toString('hex')}`,
        OPS_PORT: String(opsPort),
        ENGINE_TIMEOUT: '2',
      },
    });
    await supervisor.until(async () => (await health().catch(() => undefined))?.status === 200, TIMEOUT_MS);
  });
  afterAll(async () => {
    supervisor?.signal('SIGKILL');
    await supervisor?.exit();
    for (const socket of open) socket.destroy();
    door.close();
    redis.disconnect();
    await server.stop();
    await directory.remove();
  });

  async function health(): Promise<{ status: number; problem: string | undefined }> {
    const answer = await fetch(`http://127.0.0.1:${opsPort}/health`, { signal: AbortSignal.timeout(TIMEOUT_MS / 2) });
    return { status: answer.status, problem: ((await answer.json()) as { problem?: string }).problem };
  }

  const beat = async () => (await readHeartbeats(redis)).find(({ service }) => service === 'supervisor');

  it('is a problem that health and heartbeat tell, until it answers again', async () => {
    isSilent = true;
    await eventually(async () => expect(await health()).toEqual({ status: 503, problem: expect.stringContaining('The Docker engine does not answer') }), { timeoutMs: TIMEOUT_MS });
    await eventually(async () => expect(await beat()).toMatchObject({ problem: expect.stringContaining('The Docker engine does not answer'), runningAgents: 0 }), { timeoutMs: TIMEOUT_MS });
    isSilent = false;
    await eventually(async () => expect(await health()).toEqual({ status: 200, problem: undefined }), { timeoutMs: TIMEOUT_MS });
    await eventually(async () => expect((await beat()) ?? { problem: 'none' }).not.toHaveProperty('problem'), { timeoutMs: TIMEOUT_MS });
  });
});
