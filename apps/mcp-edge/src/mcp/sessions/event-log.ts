import { randomUUID } from 'node:crypto';
import { isJSONRPCResponse, type JSONRPCMessage } from '@modelcontextprotocol/server';
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { REDIS } from '../../edge.tokens.js';
import { ReplicaChannel } from './replica-channel.js';
import { sessionKey } from './session-store.js';

/** How long a client may take to come back. */
const KEPT_MS = 10 * 60_000;
const MAX_EVENTS = 2000;
const BEGINNING = '0-0';
const CURSOR = /^([0-9a-zA-Z-]{1,64})~(\d{1,15})(?:-(\d{1,15}))?$/;

/** What a session's server sends that answers no request. */
export const STANDALONE = 'session';

/** A message with what a client says in Last-Event-ID to get those behind it. A stream without a message behind it is over. */
export type StreamEvent = { readonly id: string; readonly message: JSONRPCMessage | undefined };

const Stored = z.object({ m: z.string() });

/** The events of sessions' streams, for clients that lose a connection: written by the replica that serves the request, read by any. */
@Injectable()
export class EventLog {
  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly replicas: ReplicaChannel,
  ) {}

  keyOf(session: string, stream: string): string {
    return `${sessionKey(session)}:stream:${stream}`;
  }

  /** A name for the stream of one POST to this replica. */
  newStream(): string {
    return `${this.replicas.self}-${randomUUID()}`;
  }

  /** The replica that writes a stream, of those that have one writer. */
  writerOf(stream: string): string {
    return stream.split('-', 1)[0] ?? '';
  }

  eventId(stream: string, cursor: string | number): string {
    return `${stream}~${cursor}`;
  }

  /** The stream and cursor of a Last-Event-ID; undefined for what is none. */
  parse(eventId: string): { stream: string; cursor: string } | undefined {
    const [, stream, major, minor] = CURSOR.exec(eventId) ?? [];
    return stream === undefined ? undefined : { stream, cursor: `${major}-${minor ?? '0'}` };
  }

  /** `place` counts up from 1 in a stream with one writer; without it Redis counts. Without a message the stream is over. */
  append(session: string, stream: string, message: JSONRPCMessage | undefined, place?: number): void {
    const key = this.keyOf(session, stream);
    const id = place === undefined ? '*' : `${place}-0`;
    const writing = this.redis.pipeline().xadd(key, 'MAXLEN', '~', MAX_EVENTS, id, 'm', message ? JSON.stringify(message) : '').pexpire(key, KEPT_MS).exec();
    writing.then(() => this.replicas.tellAll({ type: 'grown', key }), () => undefined); // what is not kept cannot be resumed
  }

  async read(session: string, stream: string, after: string): Promise<StreamEvent[]> {
    const rows = await this.redis.xrange(this.keyOf(session, stream), `(${after}`, '+');
    return rows.map(([id, fields]) => {
      const { m } = Stored.parse(Object.fromEntries([fields]));
      return { id: this.eventId(stream, id), message: m === '' ? undefined : (JSON.parse(m) as JSONRPCMessage) };
    });
  }

  /** Where a stream stands now. */
  async end(session: string, stream: string): Promise<string> {
    const [last] = await this.redis.xrevrange(this.keyOf(session, stream), '+', '-', 'COUNT', 1);
    return last?.[0] ?? BEGINNING;
  }

  /** Whether an event is the last of its stream. */
  isLast({ id, message }: StreamEvent): boolean {
    return message === undefined || (!id.startsWith(`${STANDALONE}~`) && isJSONRPCResponse(message));
  }
}
