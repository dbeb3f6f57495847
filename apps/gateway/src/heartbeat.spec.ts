import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Heartbeat } from '@codex-mcp/contracts';
import { createRedis, readHeartbeats } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { startGateway } from './gateway.fixture.js';

let directory: TemporaryDirectory;
let redis: RedisFixture;
beforeEach(async () => {
  directory = await temporaryDirectory();
  redis = await startRedis();
});
afterEach(async () => {
  await redis.stop();
  await directory.remove();
});

describe('the heartbeat', () => {
  it('says how the gateway is signed in, follows a change, and is withdrawn at the end', async () => {
    const gateway = await startGateway(join(directory.path, 'run'), { REDIS_URL: redis.url, HOME: directory.path });
    const reader = createRedis(redis.url);
    const beats = () => readHeartbeats(reader);
    const signedInBy = async (method: string) => (await beats()).some((beat: Heartbeat) => beat.service === 'gateway' && beat.signIn.method === method);
    await eventually(() => signedInBy('none'));
    mkdirSync(join(directory.path, '.codex'));
    writeFileSync(join(directory.path, '.codex', 'auth.json'), JSON.stringify({ auth_mode: 'apikey', OPENAI_API_KEY: 'sk-canary' }), { mode: 0o600 });
    await eventually(() => signedInBy('api_key'));
    expect(JSON.stringify(await beats())).not.toContain('canary');
    await gateway.stop();
    expect(await beats()).toEqual([]);
    reader.disconnect();
  });

  it('comes when Redis does, after agents have been served without it', async () => {
    await redis.kill();
    const gateway = await startGateway(join(directory.path, 'run'), { REDIS_URL: redis.url });
    expect((await gateway.control('GET', '/health')).status).toBe(200);
    await redis.restart();
    const reader = createRedis(redis.url);
    await eventually(async () => (await readHeartbeats(reader)).length === 1);
    await gateway.stop();
    reader.disconnect();
  });
});
