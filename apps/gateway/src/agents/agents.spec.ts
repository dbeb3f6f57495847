import { once } from 'node:events';
import { linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CONTAINER_GATEWAY_URL, runPaths } from '@codex-mcp/contracts';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, open, send, startGateway, startUpstream } from '../gateway.fixture.js';

let directory: TemporaryDirectory;
let runDir: string;
let upstream: Awaited<ReturnType<typeof startUpstream>>;
let held: ServerResponse[];
let gateway: GatewayUnderTest | undefined;

const start = async (env: Record<string, string> = {}) => (gateway = await startGateway(runDir, { OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: `${upstream.url}/v1`, ...env }));
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const models = (socketPath: string) => send({ socketPath, path: '/v1/models' });

beforeEach(async () => {
  directory = await temporaryDirectory();
  runDir = join(directory.path, 'run');
  held = [];
  upstream = await startUpstream((request, response) => {
    if (request.method === 'GET') response.end('models');
    else held.push(response);
  });
});
afterEach(async () => {
  upstream.close();
  await gateway?.stop();
  gateway = undefined;
  await directory.remove();
});

describe('an agent with a container', () => {
  it('gets a socket that any user may connect to, in a directory that only its container is given', async () => {
    const agent = await (await start()).register('a');
    expect(agent).toMatchObject({ baseUrl: CONTAINER_GATEWAY_URL, socketDirectory: runPaths.agentGateway(runDir, agent.key) });
    expect([mode(runDir), mode(runPaths.agentGateway(runDir, agent.key)), mode(agent.socketPath), mode(runPaths.gatewayControl(runDir))]).toEqual(['700', '755', '666', '600']);
    expect((await models(agent.socketPath)).body).toBe('models');
  });

  it('keeps its socket and what is in flight when it is registered again', async () => {
    const { register } = await start();
    const { socketPath } = await register('a');
    const answer = send({ socketPath, method: 'POST', path: '/v1/responses' }, '{}');
    const response = await eventually(() => held[0] ?? null);
    await Promise.all([register('a'), register('a')]);
    response.end('whole');
    expect((await answer).body).toBe('whole');
  });

  it('loses everything when it is removed, again and again', async () => {
    const { register, control } = await start();
    const agent = await register('a');
    const remove = () => control('DELETE', `/agents/${agent.key}`);
    expect([(await remove()).status, (await remove()).status]).toEqual([200, 200]);
    await expect(models(agent.socketPath)).rejects.toThrow('ENOENT');
    expect(() => statSync(runPaths.agent(runDir, agent.key))).toThrow('ENOENT');
  });

  it('leaves the supervisor’s things in place when it is removed', async () => {
    const { register, control } = await start();
    const agent = await register('a');
    mkdirSync(runPaths.agentAppServer(runDir, agent.key));
    await control('DELETE', `/agents/${agent.key}`);
    expect(statSync(runPaths.agentAppServer(runDir, agent.key)).isDirectory()).toBe(true);
  });
});

describe('an agent without a container', () => {
  it('gets an address of its own, which no one else can guess', async () => {
    const { register, control } = await start();
    const a = await register('a', 'tcp');
    const b = await register('b', 'tcp');
    expect(a.baseUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/agents\/[\w-]{43}\/v1$/);
    expect(a.baseUrl).not.toBe(b.baseUrl);
    expect(mode(join(runDir, 'gateway.secret'))).toBe('600');
    const get = (url: string) => fetch(url).then((response) => response.status);
    expect(await get(`${a.baseUrl}/models`)).toBe(200);
    expect(await get(`${new URL(a.baseUrl).origin}/v1/models`)).toBe(404);
    expect(await get(`${new URL(a.baseUrl).origin}/agents/${a.key}/v1/models`)).toBe(404);
    await control('DELETE', `/agents/${a.key}`);
    expect([await get(`${a.baseUrl}/models`), await get(`${b.baseUrl}/models`)]).toEqual([404, 200]);
  });
});

describe('a gateway that starts anew', () => {
  it('serves every registered agent at its old address, in a directory that a container may have mounted', async () => {
    const first = await start();
    const withContainer = await first.register('a');
    const without = await first.register('b', 'tcp');
    const { ino } = statSync(runPaths.agentGateway(runDir, withContainer.key));
    await first.stop();
    await expect(models(withContainer.socketPath)).rejects.toThrow(/ENOENT|ECONNREFUSED/);

    const { control } = await start();
    expect(JSON.parse((await control('GET', '/health')).body)).toMatchObject({ ok: true, agents: 2, redis: 'away', signIn: { method: 'api_key' } });
    expect((await models(withContainer.socketPath)).body).toBe('models');
    expect(statSync(runPaths.agentGateway(runDir, withContainer.key)).ino).toBe(ino);
    expect((await fetch(`${without.baseUrl}/models`)).status).toBe(200);
  });

  it('leaves out a registration that it cannot read', async () => {
    const first = await start();
    const agent = await first.register('a');
    await first.stop();
    mkdirSync(join(runDir, 'agents', 'broken'));
    writeFileSync(join(runDir, 'agents', 'broken', 'agent.json'), '{');
    const { lines } = await start();
    expect((await models(agent.socketPath)).status).toBe(200);
    expect(lines().filter((line) => line.includes('registration left out'))).toHaveLength(1);
  });

  it('takes the place of one that died, and refuses to beside one that lives', async () => {
    mkdirSync(runDir);
    const dead = createServer().listen(join(runDir, 'dead.sock'));
    await once(dead, 'listening');
    // Closing unlinks the name it listened on; the other name stays, as after a SIGKILL.
    linkSync(join(runDir, 'dead.sock'), runPaths.gatewayControl(runDir));
    dead.close();
    await start();
    const agent = await gateway?.register('a');
    await expect(startGateway(runDir)).rejects.toThrow(/Another gateway is running in this RUN_DIR/);
    expect((await models(agent?.socketPath ?? '')).status).toBe(200);
  });

  it('refuses a RUN_DIR that leaves no room for socket paths', async () => {
    runDir = join(directory.path, 'x'.repeat(60));
    await expect(start()).rejects.toThrow(/RUN_DIR is too long.*Choose a shorter/);
  });
});

describe('a gateway that stops', () => {
  it('lets an answer in flight finish and takes no new requests', async () => {
    const { register, stop } = await start();
    const { socketPath } = await register('a');
    const answer = open({ socketPath, method: 'POST', path: '/v1/responses' }, '{}');
    const response = await eventually(() => held[0] ?? null);
    response.write('first ');
    const { stream } = await answer;
    const stopped = stop();
    await eventually(() => expect(models(socketPath)).rejects.toThrow(/ENOENT|ECONNREFUSED/));
    response.end('last');
    expect(await text(stream)).toBe('first last');
    await stopped;
  });

  it('cuts what has not finished after SHUTDOWN_TIMEOUT', async () => {
    const { register, stop } = await start({ SHUTDOWN_TIMEOUT: '0.2' });
    const { socketPath } = await register('a');
    const answer = open({ socketPath, method: 'POST', path: '/v1/responses' }, '{}');
    (await eventually(() => held[0] ?? null)).write('first');
    const read = text((await answer).stream);
    await Promise.all([stop(), expect(read).rejects.toThrow('aborted')]);
  });
});

describe('the control socket', () => {
  it.each([
    ['PUT', '/agents/nonsense', {}, 404],
    ['PUT', `/agents/${'a'.repeat(32)}`, {}, 422],
    ['PUT', `/agents/${'a'.repeat(32)}`, { agent: { key: 'b'.repeat(32), tenant: 't', agentId: 'a' }, transport: 'unix' }, 422],
    ['GET', '/agents', undefined, 404],
  ])('answers %s %s with an error', async (method, path, body, status) => {
    const { control } = await start();
    expect(await control(method, path, body)).toMatchObject({ status, body: expect.stringContaining('"message"') });
  });

  it('keeps the identity of an agent where its container cannot read it', async () => {
    const agent = await (await start()).register('a');
    expect(readFileSync(join(runPaths.agent(runDir, agent.key), 'agent.json'), 'utf8')).toContain('"tenant":"local"');
    expect(mode(join(runPaths.agent(runDir, agent.key), 'agent.json'))).toBe('600');
  });
});
