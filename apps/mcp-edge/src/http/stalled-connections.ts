import type { Server } from 'node:http';
import type { Socket } from 'node:net';

const CHECK_MS = 500;
/** Of all connections together. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;

type Mark = { readonly place: string; readonly sinceMs: number };

export type StallLimits = { readonly stallTimeoutMs: number; readonly checkMs?: number; readonly maxUnreadBytes?: number };

/**
 * Drops connections whose clients take nothing of what waits for them for `stallTimeoutMs`, whatever the answer, and those that leave
 * the most unread where all together hold too much. Ends with the server.
 */
export function dropStalledConnections(server: Server, onDrop: (reason: 'stalled' | 'too_much_unread') => void, limits: StallLimits): void {
  const { stallTimeoutMs, checkMs = CHECK_MS, maxUnreadBytes = MAX_UNREAD_BYTES } = limits;
  const open = new Set<Socket>();
  let marks = new Map<Socket, Mark>();
  const drop = (socket: Socket, reason: 'stalled' | 'too_much_unread') => {
    socket.destroy();
    onDrop(reason);
  };
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const check = () => {
    const nowMs = performance.now();
    const waiting = [...open].filter(({ writableLength }) => writableLength > 0);
    marks = new Map(waiting.map((socket) => [socket, markOf(socket, marks.get(socket), nowMs)]));
    let unread = waiting.reduce((sum, { writableLength }) => sum + writableLength, 0);
    for (const socket of waiting.toSorted((a, b) => b.writableLength - a.writableLength)) {
      const isStalled = nowMs - (marks.get(socket)?.sinceMs ?? nowMs) > stallTimeoutMs;
      if (!isStalled && unread <= maxUnreadBytes) continue;
      unread -= socket.writableLength;
      drop(socket, isStalled ? 'stalled' : 'too_much_unread');
    }
  };
  const checks = setInterval(check, checkMs).unref();
  server.on('close', () => clearInterval(checks));
}

/** Since when the client has taken nothing. */
function markOf(socket: Socket, before: Mark | undefined, nowMs: number): Mark {
  // What the kernel has not taken yet of a chunk shows in the handle only.
  const { writeQueueSize = 0 } = (socket as Socket & { ['_handle']?: { writeQueueSize?: number } | null })['_handle'] ?? {};
  const place = `${socket.bytesWritten - socket.writableLength}/${writeQueueSize}`;
  return before?.place === place ? before : { place, sinceMs: nowMs };
}
