import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { eventually } from '@codex-mcp/testing';
import { afterEach, expect, it } from '@jest/globals';
import { dropStalledConnections, type StallLimits } from './stalled-connections.js';

const ANSWER = Buffer.alloc(24 * 1024 * 1024, 'x'); // more than the kernel takes

let server: Server;
const dropped: string[] = [];

afterEach(() => {
  dropped.length = 0;
  server.closeAllConnections();
  server.close();
});

async function serve(limits: Partial<StallLimits>): Promise<string> {
  server = createServer((_, response) => void response.end(ANSWER));
  dropStalledConnections(server, (reason) => dropped.push(reason), { stallTimeoutMs: 60_000, checkMs: 20, ...limits });
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
  const url = await serve({ maxUnreadBytes: ANSWER.length * 1.5 });
  const [first, second] = [await ask(url), await ask(url)];
  await eventually(() => dropped.length > 0);
  expect(dropped).toEqual(['too_much_unread']);
  const outcomes = await Promise.allSettled([buffer(first), buffer(second)]);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

it('leaves alone who reads', async () => {
  const url = await serve({});
  expect(await buffer(await ask(url))).toHaveLength(ANSWER.length);
  expect(dropped).toEqual([]);
});
