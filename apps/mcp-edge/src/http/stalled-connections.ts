import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { responsesOf } from './connection-responses.js';

const CHECK_MS = 500;
/** Of all connections together. */
const MAX_UNREAD_BYTES = 40 * 1024 * 1024;
/** Whoever has taken something within this time counts as reading. */
const READING_MS = 1000;
/** What is less is left to the next check. */
const LARGE_BYTES = 1024 * 1024;

type Mark = { readonly place: string; readonly sinceMs: number };
type Unread = { readonly socket: Socket; readonly bytes: number; readonly idleMs: number };
/** Of one tenant. */
type Share = { bytes: number; readonly last: Unread[] };

export type DropReason = 'stalled' | 'too_much_unread';
export type StallLimits = {
  readonly stallTimeoutMs: number;
  /** Whose connection it is at the moment, as far as known. */
  readonly ownerOf?: (socket: Socket) => string | undefined;
  readonly checkMs?: number;
  readonly maxUnreadBytes?: number;
  readonly readingMs?: number;
};

const checks = new WeakMap<Socket, () => void>();

/** Looks at all connections at once where much waits for this one. Call it when a stream was written to; the ends of answers are seen. */
export function checkUnread(response: ServerResponse): void {
  if (response.writableLength > LARGE_BYTES) checks.get(response.req.socket)?.();
}

/**
 * Drops connections whose clients take nothing of what waits for them for `stallTimeoutMs`, whatever the answer. Where all together hold
 * too much, drops those of the tenant that holds the most: first who has taken nothing for longest, then who holds the most. Ends with the server.
 */
export function dropStalledConnections(server: Server, onDrop: (reason: DropReason) => void, limits: StallLimits): void {
  const { stallTimeoutMs, ownerOf = () => undefined, checkMs = CHECK_MS, maxUnreadBytes = MAX_UNREAD_BYTES, readingMs = READING_MS } = limits;
  const open = new Set<Socket>();
  let marks = new Map<Socket, Mark>();
  const drop = ({ socket }: Unread, reason: DropReason) => {
    open.delete(socket);
    socket.destroy();
    onDrop(reason);
  };
  const check = () => {
    const nowMs = performance.now();
    const waiting = [...open].map((socket) => ({ socket, bytes: unreadBytes(socket) })).filter(({ bytes }) => bytes > 0);
    marks = new Map(waiting.map(({ socket }) => [socket, markOf(socket, marks.get(socket), nowMs)]));
    const unread = waiting.map((one): Unread => ({ ...one, idleMs: nowMs - (marks.get(one.socket)?.sinceMs ?? nowMs) }));
    const [stalled, others] = [unread.filter(({ idleMs }) => idleMs > stallTimeoutMs), unread.filter(({ idleMs }) => idleMs <= stallTimeoutMs)];
    for (const one of stalled) drop(one, 'stalled');
    for (const one of tooMuch(others, maxUnreadBytes, readingMs, ownerOf)) drop(one, 'too_much_unread');
  };
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    checks.set(socket, check);
    socket.once('close', () => open.delete(socket));
  });
  server.prependListener('request', (_, response: ServerResponse) => void response.once('prefinish', () => checkUnread(response)));
  const timer = setInterval(check, checkMs).unref();
  server.on('close', () => clearInterval(timer));
}

/** What has to go so that no more than `maxBytes` are left. */
function tooMuch(unread: readonly Unread[], maxBytes: number, readingMs: number, ownerOf: (socket: Socket) => string | undefined): Unread[] {
  let left = unread.reduce((sum, { bytes }) => sum + bytes, 0);
  if (left <= maxBytes) return [];
  const idle = ({ idleMs }: Unread) => Math.floor(idleMs / readingMs);
  const shares = new Map<string | undefined, Share>();
  for (const one of unread.toSorted((a, b) => idle(a) - idle(b) || a.bytes - b.bytes)) {
    const owner = ownerOf(one.socket);
    const share = shares.get(owner) ?? { bytes: 0, last: [] };
    share.bytes += one.bytes;
    share.last.push(one);
    shares.set(owner, share);
  }
  const dropped: Unread[] = [];
  while (left > maxBytes) {
    const largest = [...shares.values()].reduce((most, share) => (share.bytes > most.bytes ? share : most));
    const next = largest.last.pop();
    if (!next) break;
    largest.bytes -= next.bytes;
    left -= next.bytes;
    dropped.push(next);
  }
  return dropped;
}

/** With the answers to pipelined requests, which wait for the one before them. */
function unreadBytes(socket: Socket): number {
  let bytes = socket.writableLength;
  for (const response of responsesOf(socket)) if (!response.socket) bytes += response.writableLength;
  return bytes;
}

/** Since when the client has taken nothing; where nothing of what waits can be sent yet, it has nothing to take. */
function markOf(socket: Socket, before: Mark | undefined, nowMs: number): Mark {
  // What the kernel has not taken yet of a chunk shows in the handle only.
  const { writeQueueSize = 0 } = (socket as Socket & { ['_handle']?: { writeQueueSize?: number } | null })['_handle'] ?? {};
  const place = `${socket.bytesWritten - socket.writableLength}/${writeQueueSize}`;
  return socket.writableLength > 0 && before?.place === place ? before : { place, sinceMs: nowMs };
}
