import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '@codex-mcp/contracts';
import { createRedis } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis, temporaryDirectory, type TemporaryDirectory } from '@codex-mcp/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Redis } from 'ioredis';
import { SESSIONS } from '../mcp/sessions/session-store.js';
import { connectClient, startTestEdge, type TestEdge } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { beat, echo, StandInWorker } from '../testing/stand-ins.fixture.js';

jest.setTimeout(30_000); // on a busy machine

let directory: TemporaryDirectory;
let redisServer: RedisFixture;
let redis: Redis;
let beats: { stop(): Promise<void> };
let worker: StandInWorker;
let edge: TestEdge;
let path: string;

const line = (token: string, more = '') => `${digestOf(token)} team ${more}\n`;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const statusOf = async (token: string) => (await edge.call('/tools', { headers: bearer(token) })).status;
const write = (text: string) => {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
};

/** Whether the client's stream has ended. */
function endOf(client: Client): () => boolean {
  let isOver = false;
  const end = () => void (isOver = true);
  Object.assign(client, { onclose: end, onerror: end });
  return () => isOver;
}

beforeAll(async () => {
  directory = await temporaryDirectory();
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
  await directory.remove();
});
beforeEach(async () => {
  path = join(directory.path, 'tokens');
  write(line('one') + line('two'));
  edge = await startTestEdge(redisServer.url, { MCP_AUTH_TOKENS_FILE: path });
});
afterEach(() => edge.close());

describe('the tokens file', () => {
  it('is read again when it changes, replaced as well as written to', async () => {
    expect(await statusOf('three')).toBe(401);
    appendFileSync(path, line('three'));
    await eventually(async () => (await statusOf('three')) === 200);
    write(line('three'));
    await eventually(async () => (await statusOf('one')) === 401);
    expect(await statusOf('three')).toBe(200);
  });

  it('stays in force as it was where it is broken, empty or gone, until it can be used again', async () => {
    for (const spoil of [() => write(`${line('four')}nonsense`), () => write(''), () => rmSync(path)]) {
      spoil();
      const spoiltAtMs = Date.now();
      await eventually(() => Date.now() - spoiltAtMs > 1200); // it has been looked at
      expect([await statusOf('one'), await statusOf('four')]).toEqual([200, 401]);
    }
    write('# nobody at all');
    await eventually(async () => (await statusOf('one')) === 401);
  });

  it('ends sessions, streams and calls of a token that it no longer has, and of no other', async () => {
    const held = new HeldTurns(worker);
    const [one, sse, two] = [await connectClient(edge, 'http', { headers: bearer('one') }), await connectClient(edge, 'sse', { headers: bearer('one') }), await connectClient(edge, 'http', { headers: bearer('two') })];
    const isSseOver = endOf(sse);
    const call = edge.call('/tools/chat', { method: 'POST', headers: bearer('one'), body: '{"message":"x"}' }).catch((error: Error) => error.message);
    const { request } = await held.first();
    const events = edge.call(`/jobs/${request.turnId}/events`, { headers: bearer('one') }).catch((error: Error) => error.message);
    const others = edge.call(`/jobs/${request.turnId}/events`, { headers: bearer('two') });
    await eventually(async () => (await redis.zcard(SESSIONS)) === 3);
    write(line('two'));
    expect(await Promise.all([call, events])).toEqual([expect.stringMatching(/hang up|aborted|reset/), expect.stringMatching(/hang up|aborted|reset/)]);
    await eventually(isSseOver);
    await eventually(async () => (await redis.zcard(SESSIONS)) === 1);
    await expect(one.listTools()).rejects.toThrow(/known|401/);
    expect((await two.listTools()).tools.length).toBeGreaterThan(0);
    held.release();
    expect((await others).text).toContain('event: completed'); // the turn is the tenant's
    await Promise.all([one.close(), sse.close(), two.close()].map((closing) => closing.catch(() => undefined)));
    worker.play = echo;
  });

  it('ends them for a token that expires, or may do less from now on', async () => {
    write(line('one', `expires=${new Date(Date.now() + 3000).toISOString()}`) + line('two'));
    await eventually(async () => (await statusOf('one')) === 401 || (await edge.call('/tools', { headers: bearer('one') })).text.includes('plan'));
    const sse = await connectClient(edge, 'sse', { headers: bearer('two') });
    const isOver = endOf(sse);
    await eventually(async () => (await statusOf('one')) === 401);
    expect((await edge.call('/tools', { headers: bearer('one') })).headers['www-authenticate']).toBe('Bearer realm="codex-mcp", error="invalid_token", error_description="The token has expired"');
    expect(isOver()).toBe(false);
    write(line('two', 'scopes=read'));
    await eventually(isOver);
    await sse.close();
  });
});
