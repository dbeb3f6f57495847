import { once } from 'node:events';
import { connect, type LookupFunction, type Socket } from 'node:net';
import { type Duplex, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EgressCut } from './egress-refusal.js';

export type Counted = { sentBytes: number; receivedBytes: number };
export type TunnelLimits = { maxBytes: number; timeoutMs: number; idleMs: number };

/** A connection to a host whose name is resolved by `lookup`; rejects with what is the matter, or when `signal` aborts. */
export async function openHost(target: { host: string; port: number; lookup: LookupFunction }, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ ...target, allowHalfOpen: true, noDelay: true });
  const timer = setTimeout(() => socket.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })), timeoutMs);
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Copies bytes both ways until both sides have ended; rejects where one breaks off, `abort` is used, or a limit is reached. */
export async function carry(agent: Duplex, host: Socket, counted: Counted, limits: TunnelLimits, abort: AbortController): Promise<void> {
  const { signal } = abort;
  const cut = (end: 'timeout' | 'idle') => () => abort.abort(new EgressCut(end));
  const timer = setTimeout(cut('timeout'), limits.timeoutMs);
  const idle = setTimeout(cut('idle'), limits.idleMs);
  const counter = (key: keyof Counted) =>
    new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        idle.refresh();
        counted[key] += chunk.length;
        if (counted.sentBytes + counted.receivedBytes > limits.maxBytes) done(new EgressCut('too_large'));
        else done(null, chunk);
      },
    });
  const copy = (from: Duplex, through: Transform, to: Duplex, end: 'agent_gone' | 'host_gone') =>
    pipeline(from, through, to, { signal }).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error instanceof EgressCut ? error : new EgressCut(end);
    });
  try {
    await Promise.all([copy(agent, counter('sentBytes'), host, 'agent_gone'), copy(host, counter('receivedBytes'), agent, 'host_gone')]);
  } finally {
    clearTimeout(timer);
    clearTimeout(idle);
    agent.destroy();
    host.destroy();
  }
}
