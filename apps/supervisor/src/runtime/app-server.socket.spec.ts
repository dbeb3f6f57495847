import { symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AppError } from '@codex-mcp/contracts';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { openAppServerSocket, waitForAppServer } from './app-server.socket.js';

let directory: TemporaryDirectory;
let server: Server;
let connections = 0;
const uid = process.getuid?.() ?? 0;
const at = (name: string) => join(directory.path, name);

beforeAll(async () => {
  directory = await temporaryDirectory();
  server = createServer((socket) => {
    connections++;
    socket.end('hello');
  }).listen(at('real.sock'));
  await once(server, 'listening');
  symlinkSync(at('real.sock'), at('link.sock'));
  writeFileSync(at('file'), '');
});

afterAll(async () => {
  server.close();
  await directory.remove();
});

it('opens the agent’s own socket', async () => {
  const socket = await openAppServerSocket({ path: at('real.sock'), uid });
  const [data] = (await once(socket, 'data')) as [Buffer];
  expect(data.toString()).toBe('hello');
});

it.each([
  ['a link to another socket', 'link.sock', uid],
  ['a socket of another user', 'real.sock', uid + 1],
  ['a plain file', 'file', uid],
  ['nothing', 'missing.sock', uid],
])('never connects to %s', async (_, name, owner) => {
  const before = connections;
  await expect(openAppServerSocket({ path: at(name), uid: owner })).rejects.toThrow();
  expect(connections).toBe(before);
});

it('stops waiting when the agent is known to be dead', async () => {
  const dead = async () => {
    throw new AppError('agent_start_failed', 'it ended with code 1');
  };
  await expect(waitForAppServer({ path: at('never.sock'), uid }, 60_000, dead)).rejects.toThrow('it ended with code 1');
});
