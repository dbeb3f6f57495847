import { createRedis } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { readEdgeConfig } from '../../edge.config.js';
import { startTestEdge } from '../../testing/edge.fixture.js';
import { sessionKey, SESSIONS, SessionStore } from './session-store.js';

jest.setTimeout(60_000); // on a busy machine

let redisServer: RedisFixture;
let redis: Redis;
const record = { transport: 'http', principalId: 'p', replica: 'r', hints: {} } as const;
const storeOf = (env: Record<string, string> = {}) => new SessionStore(redis, readEdgeConfig({ REDIS_URL: redisServer.url, ...env }));

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url, 'brisk');
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

describe('SessionStore', () => {
  it('keeps the sessions that were used last', async () => {
    const store = storeOf({ MAX_MCP_SESSIONS: '2' });
    const [first, second] = [await store.add(record), await store.add(record)];
    await redis.zadd(SESSIONS, Date.now() - 2000, first, Date.now() - 1000, second);
    await store.find(first);
    const third = await store.add(record);
    expect(await store.find(second)).toBeUndefined();
    expect(await store.touch(second)).toBe(false);
    for (const id of [first, third]) expect(await store.find(id)).toEqual(record);
    await Promise.all([first, third].map((id) => store.remove(id)));
    expect(await redis.dbsize()).toBe(0);
  });

  it('puts the end of a session off that is looked for', async () => {
    const store = storeOf();
    const id = await store.add(record);
    await redis.persist(sessionKey(id));
    expect(await store.find(id)).toEqual(record);
    expect(await redis.pttl(sessionKey(id))).toBeGreaterThan(0);
  });

  it('remembers a known agent’s new directory, however many there are', async () => {
    const store = storeOf();
    const id = await store.add(record);
    for (const [agent, path] of [['a', '/1'], ['b', '/1'], ['a', '/2'], ['c', '/1']] as const) await store.rememberDirectory(id, agent, path, 2);
    expect(await Promise.all(['a', 'b', 'c'].map((agent) => store.directoryOf(id, agent)))).toEqual(['/2', '/1', undefined]);
  });

  it('does not take an outage for the end of a session', async () => {
    const store = storeOf();
    const id = await store.add(record);
    await redisServer.kill();
    await expect(store.touch(id)).rejects.toThrow();
    await expect(store.rememberDirectory(id, 'a', '/1', 2)).rejects.toThrow();
    await redisServer.restart();
  });
});

it('a client that leaves before its stream over SSE is announced leaves nothing behind', async () => {
  const edge = await startTestEdge(redisServer.url);
  const sessions = async () => /^codex_mcp_mcp_sessions\{[^}]*transport="sse"[^}]*\} (\d+)$/m.exec((await edge.call('/metrics')).text)?.[1];
  try {
    await redisServer.kill('SIGSTOP');
    const leaving = new AbortController();
    const stream = fetch(`${edge.url}/sse`, { signal: leaving.signal });
    await eventually(async () => expect(await sessions()).toBe('1'));
    leaving.abort();
    await expect(stream).rejects.toThrow();
    await eventually(async () => expect(await sessions()).toBe('0'));
    await redisServer.kill('SIGCONT');
    await eventually(async () => expect(await redis.keys(sessionKey('*'))).toEqual([]));
  } finally {
    await redisServer.kill('SIGCONT');
    await edge.close();
  }
});
