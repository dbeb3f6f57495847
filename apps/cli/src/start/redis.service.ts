import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { delimiter, join } from 'node:path';
import { AppError } from '@codex-mcp/contracts';
import { createRedis, REDIS_USERS, type RedisUser, redisUsers } from '@codex-mcp/messaging';
import { endProcess } from './running-processes.js';
import type { ServiceSpec } from './service.process.js';

const run = promisify(execFile);

/** `url` may do everything, and is for the launcher alone; `urlOf` what each service needs. Empty with a Redis before 7, whose users cannot be told what to read only: there, all share the one. */
export type EmbeddedRedis = { url: string; urlOf: Readonly<Partial<Record<RedisUser, string>>>; spec: ServiceSpec };

/** Redis’s first version that tells reading a key from writing it. */
const USERS_SINCE = 7;

/** Also fit for a URL. */
export const newPassword = (): string => randomBytes(24).toString('base64url');

/** A Redis for this server alone: on a free loopback port, with a user and password for each service, and every write on disk within a second. */
export async function embeddedRedis(directory: string, logFile: string, env: Record<string, string | undefined>): Promise<EmbeddedRedis> {
  const command = findOnPath('redis-server', env['PATH'] ?? '');
  if (!command) throw new AppError('service_unavailable', 'redis-server is not on PATH. Install Redis (apt-get install redis-server, brew install redis), or set REDIS_URL.');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await endLeftover(directory);
  const [port, password] = [await freePort(), newPassword()];
  const passwords = Object.fromEntries(REDIS_USERS.map((user) => [user, newPassword()])) as Record<RedisUser, string>;
  const hasUsers = (await majorVersion(command)) >= USERS_SINCE;
  const config = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir "${directory}"`,
    `pidfile "${pidFile(directory)}"`,
    `requirepass ${password}`,
    ...(hasUsers ? redisUsers(passwords) : []),
    'appendonly yes',
    'appendfsync everysec',
    'maxmemory-policy noeviction',
    'save ""',
    'daemonize no',
    '',
  ].join('\n');
  // Configuration by standard input keeps the password out of the arguments, which every user can see.
  const urlOf = hasUsers ? Object.fromEntries(REDIS_USERS.map((user) => [user, `redis://${user}:${passwords[user]}@127.0.0.1:${port}`])) : {};
  return { url: `redis://:${password}@127.0.0.1:${port}`, urlOf, spec: { name: 'redis', command, args: ['-'], env: { PATH: env['PATH'], LANG: 'C.UTF-8' }, input: config, logFile } };
}

/** Waits for the first answer; throws when there is none in time. */
export async function redisAnswers(url: string, timeoutMs: number): Promise<void> {
  const redis = createRedis(url);
  let timer: NodeJS.Timeout | undefined;
  // A command that waits for a connection is not ended by disconnect(), so the time limit needs a promise of its own.
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error('no answer in time')), timeoutMs)));
  try {
    await Promise.race([redis.ping(), late]);
  } catch (error) {
    throw new AppError('service_unavailable', `Redis does not answer at ${withoutPassword(url)}. Start it, or correct REDIS_URL.`, { cause: error });
  } finally {
    clearTimeout(timer);
    redis.disconnect();
  }
}

async function majorVersion(command: string): Promise<number> {
  const { stdout } = await run(command, ['--version'], { env: {} }).catch(() => ({ stdout: '' }));
  return Number(/v=(\d+)\./.exec(stdout)?.[1] ?? 0);
}

const pidFile = (directory: string): string => join(directory, 'redis.pid');

/** A launcher that was killed leaves its Redis behind, which would write the same files as the new one. */
async function endLeftover(directory: string): Promise<void> {
  const pid = Number(await readFile(pidFile(directory), 'utf8').catch(() => ''));
  if (pid > 0) await endProcess(pid, 'redis-server');
}

function findOnPath(name: string, path: string): string | undefined {
  return path.split(delimiter).map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

function withoutPassword(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? parsed.host : 'REDIS_URL';
}
