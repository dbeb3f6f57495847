import { ConfigError } from '@codex-mcp/config';
import { createRedis, readHeartbeats } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectClient, startTestEdge } from './testing/edge.fixture.js';
import { beat, echo, StandInWorker } from './testing/stand-ins.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let redisServer: RedisFixture;
let redis: Redis;
let beats: { stop(): Promise<void> };
let worker: StandInWorker;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
  beats = await beat(redis);
  worker = await new StandInWorker(redisServer.url).start();
});
afterAll(async () => {
  await worker.stop();
  await beats.stop();
  redis.disconnect();
  await redisServer.stop();
});
beforeEach(async () => void (await eventually(() => worker.reset())));

/** Makes turns wait until the returned function is called. */
function holdTurns(): () => void {
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  worker.play = async (turn) => {
    await gate;
    return echo(turn);
  };
  return release;
}

describe('closing the edge', () => {
  it('lets calls in flight end and their callers have the answers', async () => {
    const release = holdTurns();
    const edge = await startTestEdge(redisServer.url);
    const [http, sse] = [await connectClient(edge, 'http'), await connectClient(edge, 'sse')];
    const calls = [
      http.callTool({ name: 'chat', arguments: { message: 'a', agent_id: 'one' } }),
      sse.callTool({ name: 'chat', arguments: { message: 'b', agent_id: 'two' } }),
      edge.call('/tools/chat', { method: 'POST', body: '{"message":"c","agent_id":"three"}' }),
    ];
    await eventually(() => worker.seen.length === 3);
    const closed = edge.close();
    release();
    expect(await Promise.all(calls)).toMatchObject([{ structuredContent: { answer: 'echo: "a"' } }, { structuredContent: { answer: 'echo: "b"' } }, { status: 200 }]);
    await closed;
    await expect(edge.call('/health')).rejects.toThrow('ECONNREFUSED');
    await Promise.all([http.close(), sse.close()]);
  });

  it('tells callers whose turn takes longer that it goes on', async () => {
    const release = holdTurns();
    const edge = await startTestEdge(redisServer.url, { SHUTDOWN_TIMEOUT: '0.1' });
    const call = edge.call('/tools/chat', { method: 'POST', body: '{"message":"long"}' });
    await eventually(() => worker.seen.length === 1);
    await edge.close();
    expect(await call).toMatchObject({ status: 503, json: { code: 'service_unavailable', detail: expect.stringContaining(worker.seen[0]?.turnId ?? 'turn') } });
    release();
  });
});

describe('starting the edge', () => {
  it('says to the others that it is alive, and that it is no more', async () => {
    const beating = async () => (await readHeartbeats(redis)).some(({ service, instance }) => service === 'mcp-edge' && instance === 'edge-under-test');
    const edge = await startTestEdge(redisServer.url);
    await eventually(beating);
    await edge.close();
    expect(await beating()).toBe(false);
  });

  it('says in one line that PORT is taken', async () => {
    const edge = await startTestEdge(redisServer.url);
    const message = `PORT ${edge.port} on 127.0.0.1 is taken by another process. Set PORT to a free one, or end that process.`;
    await expect(startTestEdge(redisServer.url, { PORT: String(edge.port) })).rejects.toEqual(new ConfigError(message));
    await edge.close();
  });

  it('says that BIND is no address of this machine', async () => {
    await expect(startTestEdge(redisServer.url, { BIND: '192.0.2.1', BIND_PUBLISHED_ON_LOOPBACK: 'true' })).rejects.toThrow(/^BIND=192\.0\.2\.1 is no address/);
  });
});
