import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRedis } from '@codex-mcp/messaging';
import { type RedisFixture, startRedis, temporaryDirectory } from '@codex-mcp/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { startTestEdge, type TestEdge } from '../testing/edge.fixture.js';
import { beat, echo, StandInWorker } from '../testing/stand-ins.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let redisServer: RedisFixture;
let redis: Redis;
let beats: { stop(): Promise<void> };
let worker: StandInWorker;
const edges: TestEdge[] = [];

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
  beats = await beat(redis);
  worker = await new StandInWorker(redisServer.url).start();
});
afterAll(async () => {
  await Promise.all(edges.map((edge) => edge.close()));
  await worker.stop();
  await beats.stop();
  redis.disconnect();
  await redisServer.stop();
});
const start = async (env: Record<string, string> = {}) => {
  const edge = await startTestEdge(redisServer.url, env);
  edges.push(edge);
  return edge;
};
const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}` });

describe('/ops/queues', () => {
  it('shows the queues to this machine, without anything from elsewhere', async () => {
    const edge = await start();
    worker.play = echo;
    await edge.call('/tools/chat', { method: 'POST', body: '{"message":"x"}' });
    const page = await edge.call('/ops/queues');
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('text/html') } });
    expect(page.headers['content-security-policy']).toMatch(/default-src 'self'/);
    const script = /src="([^"]+\.js)"/.exec(page.text)?.[1] ?? 'none';
    expect((await edge.call(new URL(script, `${edge.url}/ops/queues/`).pathname)).headers['content-type']).toMatch(/javascript/);
    const { queues } = (await edge.call('/ops/queues/api/queues?activeQueue=turns')).json as { queues: { name: string; readOnlyMode: boolean; counts: Record<string, number> }[] };
    expect(queues.map(({ name }) => name)).toEqual(['turns', 'placements', 'supervisor-host-1']);
    expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
    expect(queues[0]?.counts['completed']).toBe(1);
    expect((await edge.call('/ops/queues/api/queues/turns/clean/completed', { method: 'PUT' })).status).toBe(405);
  });

  it('asks for the password where one is set', async () => {
    const edge = await start({ OPS_PASSWORD: 'open:sesame' });
    for (const path of ['/ops/queues', '/ops/queues/api/queues']) {
      expect(await edge.call(path)).toMatchObject({ status: 401, headers: { 'www-authenticate': expect.stringMatching(/^Basic/) } });
      expect((await edge.call(path, { headers: basic('wrong') })).status).toBe(401);
      expect((await edge.call(path, { headers: basic('open:sesame') })).status).toBe(200);
    }
  });

  it('is closed where the network reaches the port and no password is set', async () => {
    await using directory = await temporaryDirectory();
    const tokens = join(directory.path, 'tokens');
    writeFileSync(tokens, `${createHash('sha256').update('t').digest('hex')} team`);
    const edge = await start({ BIND: '0.0.0.0', MCP_AUTH_TOKENS_FILE: tokens });
    expect(await edge.call('/ops/queues', { headers: { authorization: 'Bearer t' } })).toMatchObject({ status: 403, json: { code: 'ops_closed', detail: expect.stringContaining('OPS_PASSWORD') } });
    const published = await start({ BIND: '0.0.0.0', BIND_PUBLISHED_ON_LOOPBACK: 'true' });
    expect((await published.call('/ops/queues')).status).toBe(200);
  });
});
