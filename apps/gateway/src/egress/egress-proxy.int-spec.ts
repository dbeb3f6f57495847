import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { type GatewayUnderTest, send, startGateway } from '../gateway.fixture.js';

let directory: TemporaryDirectory;
let host: Server;
let port: number;
/** Every connection that has reached the host. */
let reached: Socket[];
let gateway: GatewayUnderTest;
let socketPath: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  reached = [];
  // Answers what it has got when the other side has ended, in capitals.
  host = createServer({ allowHalfOpen: true }, (socket) => {
    reached.push(socket);
    socket.on('error', () => undefined);
    let got = '';
    socket.on('data', (chunk) => (got += String(chunk))).on('end', () => socket.end(got.toUpperCase()));
  }).listen(0, '127.0.0.1');
  await once(host, 'listening');
  ({ port } = host.address() as AddressInfo);
});
afterEach(async () => {
  await gateway.stop();
  host.close();
  for (const socket of reached) socket.destroy();
  await directory.remove();
});

async function start(env: Record<string, string>): Promise<void> {
  gateway = await startGateway(join(directory.path, 'run'), { SHUTDOWN_TIMEOUT: '0.1', ...env });
  ({ socketPath } = await gateway.register('a'));
}
const named = (more: Record<string, string> = {}) => start({ EGRESS_ALLOW: `packages.test:${port}=127.0.0.1`, ...more });

/** Asks for a connection as an agent's commands do; `words`: what the status line and the body say where it is refused. */
async function connectTo(target: string, path = socketPath): Promise<{ status: number; socket: Duplex; words: string }> {
  const asked = request({ socketPath: path, method: 'CONNECT', path: target, agent: false }).end();
  const [answer, socket, head] = (await once(asked, 'connect')) as [IncomingMessage, Duplex, Buffer];
  const opened = answer.statusCode === 200;
  return { status: answer.statusCode ?? 0, socket: socket.on('error', () => undefined), words: opened ? '' : `${answer.statusMessage} ${String(head)}${await text(socket)}` };
}
const events = () => gateway.lines().filter((line) => line.includes('"op":"egress"')).map((line) => JSON.parse(line) as Record<string, unknown>);
const ends = () => events().map(({ end }) => end);

describe('a connection of an agent to a listed host', () => {
  it('carries bytes both ways until both have ended, beside the model’s paths, and leaves one event', async () => {
    await named();
    const { status, socket } = await connectTo(`Packages.test:${port}`);
    expect(status).toBe(200);
    expect((await send({ socketPath, method: 'GET', path: '/v1/files' })).status).toBe(404);
    const large = 'x'.repeat(300_000);
    socket.end(`hello ${large}`);
    expect(await text(socket)).toBe(`HELLO ${large.toUpperCase()}`);
    await eventually(() => expect(events()).toMatchObject([{ agentId: 'a', tenant: 'local', method: 'CONNECT', host: 'Packages.test', port, end: 'completed', outcome: 'ok', sentBytes: 300_006, receivedBytes: 300_006 }]));
  });

  it('takes along what was sent before it was open', async () => {
    await named();
    const asked = request({ socketPath, method: 'CONNECT', path: `packages.test:${port}`, agent: false });
    asked.flushHeaders();
    asked.once('socket', (socket: Socket) => socket.once('connect', () => socket.write('early ')));
    const [, socket] = (await once(asked, 'connect')) as [IncomingMessage, Duplex];
    socket.end('late');
    expect(await text(socket)).toBe('EARLY LATE');
  });

  it('is cut where it carries too much, lasts too long, or is silent', async () => {
    await named({ EGRESS_MAX_BYTES: '1k' });
    (await connectTo(`packages.test:${port}`)).socket.write('x'.repeat(1025));
    await eventually(() => expect(ends()).toEqual(['too_large']));
    await gateway.stop();
    await named({ EGRESS_TIMEOUT: '0.3' });
    await connectTo(`packages.test:${port}`);
    await eventually(() => expect(ends()).toEqual(['timeout']));
    await gateway.stop();
    await named({ EGRESS_IDLE_TIMEOUT: '0.3' });
    await connectTo(`packages.test:${port}`);
    await eventually(() => expect(ends()).toEqual(['idle']));
    await eventually(() => expect(reached.every((socket) => socket.destroyed || socket.readableEnded)).toBe(true));
  });

  it('is one of a few, and gives its place back', async () => {
    await named({ EGRESS_MAX_CONNECTIONS: '2' });
    const first = await connectTo(`packages.test:${port}`);
    await connectTo(`packages.test:${port}`);
    expect(await connectTo(`packages.test:${port}`)).toMatchObject({ status: 429, words: expect.stringContaining('EGRESS_MAX_CONNECTIONS') });
    const other = await gateway.register('b');
    expect((await connectTo(`packages.test:${port}`, other.socketPath)).status).toBe(200);
    first.socket.destroy();
    await eventually(async () => expect((await connectTo(`packages.test:${port}`)).status).toBe(200));
  });

  it('ends with the agent and with the gateway', async () => {
    await named();
    const { socket } = await connectTo(`packages.test:${port}`);
    await gateway.control('DELETE', `/agents/${(await gateway.register('a')).key}`);
    await once(socket.resume(), 'close');
    await eventually(() => expect(ends()).toEqual(['stopped']));
    ({ socketPath } = await gateway.register('a'));
    const again = await connectTo(`packages.test:${port}`);
    const closed = once(again.socket.resume(), 'close');
    await gateway.stop();
    await closed;
  });
});

describe('an agent', () => {
  it.each<[what: string, target: string, status: number, words: string]>([
    ['another host', 'evil.test:443', 403, 'names packages.test'],
    ['another port', 'packages.test:443', 403, 'may not reach'],
    ['a name that begins like it', 'packages.test.evil.test:PORT', 403, 'may not reach'],
    ['a name below it', 'x.packages.test:PORT', 403, 'may not reach'],
    ['the address that stands for it', '127.0.0.1:PORT', 403, 'may not reach'],
    ['that address in another form', '2130706433:PORT', 403, 'may not reach'],
    ['that address within IPv6', '[::ffff:127.0.0.1]:PORT', 403, 'may not reach'],
    ['the metadata of a cloud', '169.254.169.254:80', 403, 'may not reach'],
    ['a name of this machine that is listed', 'localhost:PORT', 403, 'private network'],
    ['no port', 'packages.test', 400, 'needs a host and a port'],
    ['a port that is none', 'packages.test:0', 400, 'needs a host and a port'],
    ['a user before the host', 'evil.test@packages.test:PORT', 400, 'needs a host and a port'],
    ['a host with its root', 'packages.test.:PORT', 400, 'needs a host and a port'],
    ['a URL', 'http://packages.test:PORT/', 400, 'needs a host and a port'],
  ])('does not reach %s, is told why, and leaves an event', async (_what, template, status, words) => {
    await start({ EGRESS_ALLOW: `packages.test:${port}=127.0.0.1,localhost:${port}` });
    expect(await connectTo(template.replace('PORT', String(port)))).toMatchObject({ status, words: expect.stringContaining(words) });
    await eventually(() => expect(events()).toMatchObject([{ agentId: 'a', end: expect.stringMatching(/^(not_allowed|private_address|bad_request)$/), sentBytes: 0, receivedBytes: 0 }]));
    expect(reached).toEqual([]);
  });

  it('reaches nothing by default', async () => {
    await start({});
    expect(await connectTo(`127.0.0.1:${port}`)).toMatchObject({ status: 403, words: expect.stringContaining('names no host') });
    expect(reached).toEqual([]);
  });

  it('gets no request passed that is for another server, in whatever form', async () => {
    await named();
    const headers = { host: `packages.test:${port}`, 'x-forwarded-host': `packages.test:${port}` };
    expect(await send({ socketPath, method: 'GET', path: `http://packages.test:${port}/v1/models`, headers })).toMatchObject({ status: 404, body: expect.stringContaining('CONNECT') });
    expect(await send({ socketPath, method: 'OPTIONS', path: '*', headers })).toMatchObject({ status: 404, body: expect.stringContaining('CONNECT') });
    expect(await send({ socketPath, method: 'GET', path: `//packages.test:${port}/`, headers })).toMatchObject({ status: 404 });
    await eventually(() => expect(ends()).toEqual(['not_connect', 'not_connect']));
    expect(reached).toEqual([]);
  });

  it('is told of a host that does not answer', async () => {
    host.close();
    await named();
    expect(await connectTo(`packages.test:${port}`)).toMatchObject({ status: 502, words: expect.stringContaining('ECONNREFUSED') });
  });

  it('reaches what is granted on request where its repository wishes for it, also through the next gateway, and no longer than that', async () => {
    const env = { EGRESS_ALLOW_ON_REQUEST: `packages.test:${port}=127.0.0.1` };
    await start(env);
    const key = (await gateway.register('a')).key;
    const wish = async (egress?: string[]) => JSON.parse((await gateway.control('PUT', `/agents/${key}`, { agent: { key, tenant: 'local', agentId: 'a' }, transport: 'unix', egress })).body) as { egress: unknown };
    expect(await connectTo(`packages.test:${port}`)).toMatchObject({ status: 403, words: expect.stringContaining('asks for it in "egress"') });
    const granted = { allowed: [], granted: [`packages.test:${port}`], onRequest: [`packages.test:${port}`] };
    expect((await wish([`packages.test:${port}`, 'evil.test'])).egress).toEqual(granted);
    expect((await wish()).egress).toEqual(granted);
    expect((await connectTo(`packages.test:${port}`)).status).toBe(200);
    expect((await connectTo('evil.test:443')).status).toBe(403);
    expect((await connectTo(`packages.test:${port}`, (await gateway.register('b')).socketPath)).status).toBe(403);
    await gateway.stop();
    gateway = await startGateway(join(directory.path, 'run'), { SHUTDOWN_TIMEOUT: '0.1', ...env });
    expect((await connectTo(`packages.test:${port}`)).status).toBe(200);
    await wish([]);
    expect((await connectTo(`packages.test:${port}`)).status).toBe(403);
  });
});
