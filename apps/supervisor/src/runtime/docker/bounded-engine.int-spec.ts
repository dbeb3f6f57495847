import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import type Docker from 'dockerode';
import { boundedEngine, SilentEngineError } from './bounded-engine.js';
import { toEngineError } from './docker.errors.js';

const TIMEOUT_MS = 300;

let directory: TemporaryDirectory;
let server: Server;
let docker: Docker;
let asked: string[];
/** What the engine does with a request; without it, it takes all and answers none. */
let answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;

beforeEach(async () => {
  [directory, asked, answer] = [await temporaryDirectory(), [], undefined];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url?.split('?')[0]}`);
    answer?.(request, response);
  });
  const socketPath = join(directory.path, 'engine.sock');
  server.listen(socketPath);
  await once(server, 'listening');
  docker = boundedEngine(TIMEOUT_MS, { socketPath });
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await directory.remove();
});

const pings = () => asked.filter((request) => request === 'GET /_ping').length;
const isPing = ({ url }: IncomingMessage) => url === '/_ping';

it.each([
  ['is asked', 'GET /containers/json', () => docker.listContainers()],
  ['has something to do', 'POST /containers/a/start', () => docker.getContainer('a').start()],
  ['is to tell of an end', 'POST /containers/a/wait', () => docker.getContainer('a').wait()],
  ['is to run a command', 'POST /exec/a/start', () => docker.getExec('a').start({})],
])('an engine that never answers where it %s is told to be silent', async (_, request, ask: () => Promise<unknown>) => {
  const problem: unknown = await ask().then(() => undefined, (error: unknown) => error);
  expect(problem).toBeInstanceOf(SilentEngineError);
  expect(String(problem)).toContain(request);
  expect(() => toEngineError(problem)).toThrow(expect.objectContaining({ code: 'engine_unavailable', message: expect.stringContaining('does not answer') }));
});

it('an answer that begins and does not end is none', async () => {
  answer = (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).write('[');
  await expect(docker.listContainers()).rejects.toThrow(SilentEngineError);
});

it('what is to be done, and the end of a container, are waited for while the engine answers others', async () => {
  const held: ServerResponse[] = [];
  answer = (request, response) => void (isPing(request) ? response.end('OK') : held.push(response));
  const [removed, ended] = [docker.getVolume('large').remove(), docker.getContainer('a').wait()];
  await eventually(() => expect(pings()).toBeGreaterThanOrEqual(6), { timeoutMs: 60_000 });
  for (const response of held) response.writeHead(response.req.method === 'DELETE' ? 204 : 200).end('{"StatusCode":3}');
  expect(await ended).toEqual({ StatusCode: 3 });
  await removed;
  await expect(docker.getContainer('stuck').start()).rejects.toThrow(SilentEngineError);
}, 120_000);

it('what is streamed after the beginning of an answer is not cut off', async () => {
  let response: ServerResponse | undefined;
  answer = (request, given) => {
    if (!request.url?.startsWith('/exec/')) return;
    response = given;
    response.writeHead(200).write('one');
  };
  const stream = await docker.getExec('a').start({});
  await expect(docker.listContainers()).rejects.toThrow(SilentEngineError); // its time is over by then
  response?.end(' two');
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('one two');
});

it('nor is one that begins while the engine is asked whether it is well, and answers that no more', async () => {
  let response: ServerResponse | undefined;
  answer = (request, given) => {
    if (request.url?.startsWith('/exec/')) response = given;
    else if (isPing(request) && pings() === 1) response?.writeHead(200).write('one');
  };
  const stream = await docker.getExec('a').start({});
  await expect(docker.listContainers()).rejects.toThrow(SilentEngineError); // and so is that of the ping
  response?.end(' two');
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('one two');
}, 30_000);
