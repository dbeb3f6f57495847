import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { ListenOptions } from 'node:net';
import { MAX_HEADER_BYTES } from '../proxy/upstream.js';

/** Longer than Codex keeps an idle connection (90 s), so that it never writes into one that is being closed. */
const KEEP_ALIVE_MS = 120_000;

/** More than an agent's Codex opens; keeps one agent from taking all of the gateway's descriptors. */
const MAX_CONNECTIONS = 128;

/** A server for agents or for the supervisor; the caller listens and closes it with {@link closeServer}. */
export function createAgentServer(listener: RequestListener): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    response.once('finish', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
    listener(request, response);
  });
  return server;
}

export function createSocketServer(listener: RequestListener): Server {
  const server = createAgentServer(listener);
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

export async function listen(server: Server, options: ListenOptions): Promise<void> {
  const listening = once(server, 'listening');
  server.listen(options);
  await listening;
}

/** Listens on a unix socket that any user may connect to, in place of one that a dead gateway left. */
export async function listenOnAgentSocket(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  await listen(server, { path });
  chmodSync(path, 0o666);
}

/** Takes no new connections, gives answers in flight `timeoutMs` to finish, then cuts them. */
export async function closeServer(server: Server, timeoutMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const timer = setTimeout(() => server.closeAllConnections(), timeoutMs);
  await closed;
  clearTimeout(timer);
}
