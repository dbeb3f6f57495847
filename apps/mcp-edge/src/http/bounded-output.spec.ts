import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from '@jest/globals';
import type { Response } from 'express';
import { keepStreamAlive, writeBounded } from './bounded-output.js';
import { dropStalledConnections, type StallLimits } from './stalled-connections.js';

const MIB = 'x'.repeat(1024 * 1024);
const MANY = 100;
const NEVER = 60_000;

let server: Server;

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** A response of which nothing has been read, and its reader's side. */
async function stream(limits: Partial<StallLimits> = {}): Promise<{ response: Response; reader: IncomingMessage }> {
  server = createServer();
  dropStalledConnections(server, () => undefined, { stallTimeoutMs: NEVER, checkMs: NEVER, ...limits });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
  const requested = once(server, 'request').then(([, response]: ServerResponse[]) => response as Response);
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  const response = await requested;
  response.flushHeaders();
  const [reader] = await answered;
  return { response, reader };
}

it('adds to a large message that waits, and a reader who takes its time gets all of it', async () => {
  const { response, reader } = await stream();
  expect(writeBounded(response, ...Array.from({ length: 8 }, () => MIB))).toBe(true);
  keepStreamAlive(response);
  expect(writeBounded(response, 'last')).toBe(true);
  response.end();
  const read = await text(reader);
  expect([read.length, read.slice(-4)]).toEqual([8 * MIB.length + 4, 'last']);
});

it('drops a reader at once where all connections together hold too much', async () => {
  const { response, reader } = await stream({ maxUnreadBytes: 8 * MIB.length });
  expect(writeBounded(response, ...Array.from({ length: 16 }, () => MIB))).toBe(false);
  await expect(text(reader)).rejects.toThrow();
});

it('gives a sign of life where nothing waits', async () => {
  const { response, reader } = await stream();
  keepStreamAlive(response);
  expect(String(await once(reader, 'data'))).toBe(': keep-alive\n\n');
});

it('drops a reader for whom too much waits', async () => {
  const { response, reader } = await stream();
  let written = 0;
  while (written < MANY && writeBounded(response, MIB)) written += 1;
  expect(written).toBeLessThan(MANY);
  expect([response.destroyed, writeBounded(response, 'more')]).toEqual([true, false]);
  await expect(text(reader)).rejects.toThrow();
});
