import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRedis } from '@codex-mcp/messaging';
import type { Redis } from 'ioredis';
import { startTestEdge, type TestEdge } from './edge.fixture.js';
import { beat, StandInWorker } from './stand-ins.fixture.js';

type RedisServer = { url: string; stop(): Promise<unknown> };

export type TestSystem = {
  readonly redis: Redis;
  readonly worker: StandInWorker;
  readonly edge: TestEdge;
  /** The beats of all other services; a test may end them and put others in their place. */
  beats: { stop(): Promise<void> };
  /** Another edge of the same configuration. */
  replica(): Promise<TestEdge>;
  stop(): Promise<void>;
};

/** An edge on a real Redis, which `stop` ends too, and what the edge needs of the other services. `tokens`: each is its own tenant's. */
export async function startTestSystem(redisServer: RedisServer, env: Record<string, string> = {}, tokens: string[] = []): Promise<TestSystem> {
  const redis = createRedis(redisServer.url);
  const beats = await beat(redis);
  const worker = await new StandInWorker(redisServer.url).start();
  const directory = await mkdtemp(join(tmpdir(), 'edge-'));
  const all = { ...env, ...(tokens.length > 0 && { MCP_AUTH_TOKENS_FILE: await tokensFile(directory, tokens) }) };
  const edge = await startTestEdge(redisServer.url, all);
  const replicas: TestEdge[] = [];
  const system: TestSystem = {
    redis,
    worker,
    edge,
    beats,
    async replica() {
      const more = await startTestEdge(redisServer.url, all);
      replicas.push(more);
      return more;
    },
    async stop() {
      await Promise.all([edge, ...replicas].map((one) => one.close()));
      await worker.stop();
      await system.beats.stop();
      redis.disconnect();
      await redisServer.stop();
      await rm(directory, { recursive: true });
    },
  };
  return system;
}

async function tokensFile(directory: string, tokens: string[]): Promise<string> {
  const path = join(directory, 'tokens');
  await writeFile(path, tokens.map((token) => `${createHash('sha256').update(token).digest('hex')} ${token}`).join('\n'));
  return path;
}
