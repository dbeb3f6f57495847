import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@codex-mcp/testing';
import { afterEach, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { closeWithConnection } from './connection-responses.js';
import { dropStalledConnections, type StallLimits } from './stalled-connections.js';

const ANSWER = Buffer.alloc(24 * 1024 * 1024, 'x'); // more than the kernel takes

let server: Server;
const dropped: string[] = [];
const owners = new WeakMap<Socket, string>();
const NEVER = 60_000;
const READING_MS = 50;

afterEach(() => {
  dropped.length = 0;
  server.closeAllConnections();
  server.close();
});

async function serve(limits: Partial<StallLimits>): Promise<string> {
  server = createServer((request, response) => {
    owners.set(request.socket, request.url ?? '');
    closeWithConnection(request as Request, response as Response, () => request.url !== '/later' && response.end(ANSWER));
  });
  dropStalledConnections(server, (reason) => dropped.push(reason), { stallTimeoutMs: NEVER, checkMs: 20, ...limits });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ask = (url: string): Promise<IncomingMessage> => new Promise((resolve, reject) => get(url, { agent: false }, resolve).on('error', reject));

it('drops who takes nothing of a plain answer', async () => {
  const url = await serve({ stallTimeoutMs: 100 });
  const response = await ask(url);
  await eventually(() => dropped.length > 0);
  expect(dropped).toEqual(['stalled']);
  await expect(buffer(response)).rejects.toThrow();
});

it('drops who holds the most where all together hold too much, and nobody else', async () => {
  const url = await serve({ maxUnreadBytes: ANSWER.length * 1.5, checkMs: NEVER });
  const [first, second] = [await ask(url), await ask(url)];
  await eventually(() => dropped.length > 0);
  expect(dropped).toEqual(['too_much_unread']);
  const outcomes = await Promise.allSettled([buffer(first), buffer(second)]);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

it('drops first who has taken nothing for longest', async () => {
  const url = await serve({ maxUnreadBytes: ANSWER.length * 1.5, readingMs: READING_MS });
  const first = await ask(url);
  await delay(20 * READING_MS); // it is about time
  const second = await ask(url);
  expect(await buffer(second)).toHaveLength(ANSWER.length);
  await expect(buffer(first)).rejects.toThrow();
  expect(dropped).toEqual(['too_much_unread']);
});

it('drops those of the tenant that holds the most', async () => {
  const url = await serve({ maxUnreadBytes: ANSWER.length * 2.2, readingMs: READING_MS, ownerOf: (socket) => owners.get(socket) });
  const bob = await ask(`${url}/bob`);
  await delay(20 * READING_MS);
  const ada = [await ask(`${url}/ada`), await ask(`${url}/ada`)];
  await eventually(() => dropped.length > 0);
  expect(await buffer(bob)).toHaveLength(ANSWER.length);
  const outcomes = await Promise.allSettled(ada.map((one) => buffer(one)));
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

it('counts what waits behind another answer', async () => {
  const url = await serve({ maxUnreadBytes: ANSWER.length * 1.5 });
  const connection = connect(Number(new URL(url).port), '127.0.0.1');
  connection.write(['/later', '/a', '/b'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
  await eventually(() => dropped.length > 0);
  expect(dropped).toEqual(['too_much_unread']);
  connection.destroy();
});

it('leaves alone who reads', async () => {
  const url = await serve({});
  expect(await buffer(await ask(url))).toHaveLength(ANSWER.length);
  expect(dropped).toEqual([]);
});
