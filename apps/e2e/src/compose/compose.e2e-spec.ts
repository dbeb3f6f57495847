import { chmod, chown, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithDocker, eventually, fakeJwt } from '@codex-mcp/testing';
import { containerOf, docker } from '../stack/agent-containers.js';
import { outputOf } from '../stack/calls.js';
import { composeCommand, ComposeStack } from './compose.fixture.js';

const isMissing = !composeCommand() && process.env['REQUIRE_DOCKER'] !== '1';
if (isMissing) process.stderr.write('\nSKIPPED: "the compose file" needs docker-compose or docker compose.\n');

/** For `node -e` in a worker: as its user of Redis, hands over a turn without its edge's signature, and prints how that ended. */
const UNSIGNED_TURN = `
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { agentKey } from '@codex-mcp/contracts';
import { createRedis, QUEUE_PREFIX, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { Queue } from 'bullmq';
const redis = createRedis('redis://worker:' + readFileSync('/var/lib/codex-mcp/secrets/worker/redis-password', 'utf8') + '@redis:6379');
const [turns, queue] = [new TurnStore(redis), new Queue('turns', { connection: redis, prefix: QUEUE_PREFIX })];
const job = { turnId: 'turn_unsigned', agentKey: agentKey('local', 'forged'), tool: 'chat', correlationId: 'c' };
const agent = { key: job.agentKey, tenant: 'local', agentId: 'forged' };
await turns.accept({ turnId: job.turnId, tool: job.tool, agent, arguments: { message: 'hello' }, correlationId: 'c', acceptedAtMs: Date.now() }, 10);
await new TurnDispatcher(queue, turns).enqueue(job, 0);
let turn;
for (let left = 600; left > 0 && !turn?.terminal; left -= 1) {
  await delay(100);
  turn = await turns.load(job.turnId);
}
console.log(JSON.stringify(turn?.terminal?.event ?? turn));
process.exit();
`;

(isMissing ? describe.skip : describeWithDocker)('the compose file', () => {
  let stack: ComposeStack;

  beforeAll(async () => {
    stack = await ComposeStack.prepare();
    await stack.up(2);
  }, 240_000);
  afterAll(() => stack.stop(), 120_000);

  it('serves a call with two workers, the key added by the gateway alone', async () => {
    const client = await stack.clients.sse('composed');
    await eventually(async () => expect(await outputOf(client, 'health_check')).toMatchObject({ status: 'ok', workers: 2, supervisors: 1 }));
    expect(await outputOf(client, 'chat', { message: 'hello' })).toMatchObject({ answer: expect.stringContaining('hello') });
    expect(stack.fake.responsesRequests().at(-1)?.headers['authorization']).toBe('Bearer sk-fake-of-compose');
  });

  it('gives each service its own user of Redis and its own key, which do for its work and no more', async () => {
    expect(await stack.refusals()).toEqual([]);
    const keys = (owner: string) => [`${owner}/keys/${owner}.key`, ...['mcp-edge', 'supervisor', 'worker'].map((name) => `${owner}/keys/${name}.pub`), `${owner}/redis-password`].toSorted();
    for (const signer of ['mcp-edge', 'worker', 'supervisor']) expect(await stack.secretsOf(signer)).toEqual(keys(signer));
    expect(await stack.secretsOf('gateway')).toEqual(['gateway/redis-password']);
    expect(await stack.redisAs('gateway', 'HGETALL', 'codex-mcp:turn:turn_x')).toContain('NOPERM');
    expect(await stack.redisAs('supervisor', 'HGETALL', 'codex-mcp:turn:turn_x')).toContain('NOPERM');
    expect(await stack.redisAs('worker', 'CONFIG', 'GET', 'dir')).toContain('NOPERM');
    expect(await stack.exec('worker', 'redis-cli', '-h', 'redis', 'PING')).toContain('NOAUTH');
    expect(await stack.refusals()).toHaveLength(3);
  });

  it('refuses a turn that a worker has put into Redis itself', async () => {
    const before = stack.fake.responsesRequests().length;
    expect(JSON.parse(await stack.exec('worker', 'node', '--input-type=module', '-e', UNSIGNED_TURN))).toMatchObject({ type: 'failed', error: { code: 'not_authentic', message: expect.stringContaining('signature of an edge') } });
    expect(stack.fake.responsesRequests()).toHaveLength(before);
  });

  it('publishes one port, on loopback, and lets only the gateway out', async () => {
    const containers = await docker.listContainers({ filters: { label: [`com.docker.compose.project=${stack.deployment}`] } });
    const published = containers.flatMap(({ Ports, Labels }) => Ports.filter(({ PublicPort }) => PublicPort).map(({ IP, PublicPort }) => [Labels['com.docker.compose.service'], IP, PublicPort]));
    expect(published).toEqual([['mcp-edge', '127.0.0.1', stack.port]]);
    const outside = containers.filter(({ NetworkSettings }) => Object.keys(NetworkSettings.Networks).some((name) => name.endsWith('_outside')));
    expect(outside.map(({ Labels }) => Labels['com.docker.compose.service'])).toEqual(['gateway']);
  });

  it('refreshes the sign-in of a user of the host, whose file it stays', async () => {
    // Only root can make files of somebody else.
    const uid = process.getuid?.() === 0 ? 54_321 : (process.getuid?.() ?? 0);
    const directory = stack.credentialsDirectory;
    const file = join(directory, 'auth.json');
    const expired = fakeJwt({ lifetimeSeconds: -10 });
    const tokens = { access_token: expired, refresh_token: 'rt-of-compose', oauth_provenance: { issuer: stack.fake.url } };
    await writeFile(`${file}.new`, JSON.stringify({ auth_mode: 'chatgpt', tokens }), { mode: 0o600 });
    for (const path of [`${file}.new`, directory]) await chown(path, uid, -1);
    await chmod(directory, 0o700);
    await rename(`${file}.new`, file);
    await eventually(async () => !(await readFile(file, 'utf8')).includes(expired), { timeoutMs: 60_000 });
    const after = await stat(file);
    expect({ mode: after.mode & 0o777, uid: after.uid }).toEqual({ mode: 0o600, uid });
    expect((await stat(`${file}.refresh`)).uid).toBe(uid);
    expect(stack.fake.requests.filter(({ path }) => path === '/oauth/token')).toHaveLength(1);
    await rm(file);
  }, 120_000);

  it('leaves no agent running when it is taken down, and finds the conversation again afterwards, also with new secrets', async () => {
    await stack.clients.closeAll();
    await stack.compose('down');
    expect(await (await containerOf(stack.deployment, 'composed')).inspect()).toMatchObject({ State: { Running: false } });
    await stack.removeSecrets();
    await stack.up(1);
    const client = await stack.clients.http('composed');
    await outputOf(client, 'chat', { message: 'what did I say' });
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain('hello');
    expect(await stack.refusals()).toEqual([]);
  }, 180_000);
});
