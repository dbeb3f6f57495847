import { randomUUID } from 'node:crypto';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';
import type { Logger } from '@codex-mcp/observability';
import { Inject, Injectable } from '@nestjs/common';
import type { ChainableCommander, Redis } from 'ioredis';
import { LOGGER, REDIS } from '../../edge.tokens.js';
import { noteUnreadable } from '../../http/unreadable-entries.js';
import { resultsOf } from './pipeline.js';
import { ReplicaChannel } from './replica-channel.js';
import { sessionKey } from './session-store.js';

/** How long a client may take to come back once nothing is written any more. */
const KEPT_MS = 10 * 60_000;
const MAX_EVENTS = 2000;
/** Requests whose replica was lost are remembered longer than what it wrote. */
const UNANSWERED_KEPT_MS = 24 * 3600_000;
const BEGINNING = '0-0';
/** JSON-RPC's code for a connection that is not there, as the SDK uses it. */
const CONNECTION_CLOSED = -32000;
const CURSOR = /^([0-9a-zA-Z-]{1,64})~(\d{1,15})(?:-(\d{1,15}))?$/;

/** What a session's server sends that answers no request. */
export const STANDALONE = 'session';

/** A message with what a client says in Last-Event-ID to get those behind it. A stream without a message behind it is over. */
export type StreamEvent = { readonly id: string; readonly json: string | undefined };

/** The answer to a request that will get no other. */
export const lostAnswer = (id: RequestId): JSONRPCMessage => ({
  jsonrpc: '2.0',
  id,
  error: { code: CONNECTION_CLOSED, message: 'The connection to the server that ran this call was lost; the turn goes on: list_turns, get_turn.' },
});

/** The events of sessions' streams, for clients that lose a connection: written by the replica that serves the request, read by any. */
@Injectable()
export class EventLog {
  private readonly noteUnreadable: ReturnType<typeof noteUnreadable>;

  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly replicas: ReplicaChannel,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.noteUnreadable = noteUnreadable(logger);
  }

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

  /** Call before the first message of a stream that answers `requests`. */
  open(session: string, stream: string, requests: readonly RequestId[]): void {
    const key = this.unansweredOf(session, stream);
    resultsOf(this.redis.pipeline().sadd(key, ...requests.map((id) => JSON.stringify(id))).pexpire(key, UNANSWERED_KEPT_MS)).catch(() => undefined);
  }

  /** Keeps what a stream has brought so far, however quiet it is. */
  refresh(session: string, stream: string): void {
    resultsOf(this.redis.pipeline().pexpire(this.keyOf(session, stream), KEPT_MS).pexpire(this.unansweredOf(session, stream), UNANSWERED_KEPT_MS)).catch(() => undefined);
  }

  /** `place` counts up from 1 in a stream with one writer; without it Redis counts. */
  append(session: string, stream: string, json: string, place?: number): void {
    const key = this.keyOf(session, stream);
    this.keep(key, this.redis.pipeline().xadd(key, 'MAXLEN', '~', MAX_EVENTS, place === undefined ? '*' : `${place}-0`, 'm', json));
  }

  /** Notes that a request is answered, by `json`, or given up; with the last one of a stream the stream is over. Takes the next place, and one more for the end. */
  settle(session: string, stream: string, request: RequestId, { json, place, isLast }: { json?: string | undefined; place: number; isLast: boolean }): void {
    const key = this.keyOf(session, stream);
    const pipeline = this.redis.pipeline().srem(this.unansweredOf(session, stream), JSON.stringify(request));
    if (json !== undefined) pipeline.xadd(key, 'MAXLEN', '~', MAX_EVENTS, `${place}-0`, 'm', json);
    if (isLast) pipeline.xadd(key, 'MAXLEN', '~', MAX_EVENTS, `${place + 1}-0`, 'm', '');
    this.keep(key, pipeline);
  }

  private keep(key: string, pipeline: ChainableCommander): void {
    resultsOf(pipeline.pexpire(key, KEPT_MS)).then(() => this.replicas.tellAll({ type: 'grown', key }), () => undefined); // what is not kept cannot be resumed
  }

  /** The first behind a cursor, at most `limit`; none only where there are none. */
  async read(session: string, stream: string, after: string, limit: number): Promise<StreamEvent[]> {
    for (let cursor = after; ; ) {
      const rows = await this.redis.xrange(this.keyOf(session, stream), `(${cursor}`, '+', 'COUNT', limit);
      const events = rows.flatMap(([id, fields]) => this.eventOf(stream, id, fields) ?? []);
      const last = rows.at(-1);
      if (events.length > 0 || !last) return events;
      [cursor] = last;
    }
  }

  /** Answers what a stream's writer will not answer any more, and ends it. */
  async giveUp(session: string, stream: string): Promise<void> {
    const unanswered = await this.redis.smembers(this.unansweredOf(session, stream));
    const key = this.keyOf(session, stream);
    const answers = unanswered.map((id) => JSON.stringify(lostAnswer(JSON.parse(id) as RequestId)));
    const pipeline = this.redis.pipeline();
    for (const m of [...answers, '']) pipeline.xadd(key, '*', 'm', m); // behind whatever was written: a writer that lives on cannot add to it
    await resultsOf(pipeline.pexpire(key, KEPT_MS).del(this.unansweredOf(session, stream)));
  }

  /** Whether anything was written to a stream, or is expected of it: of others nothing is known (any more). */
  async isKnown(session: string, stream: string): Promise<boolean> {
    return (await this.redis.exists(this.keyOf(session, stream), this.unansweredOf(session, stream))) > 0;
  }

  /** Whether there is anything to read on at a cursor. */
  async isKept(session: string, stream: string, cursor: string): Promise<boolean> {
    return cursor === BEGINNING || (await this.redis.exists(this.keyOf(session, stream))) > 0;
  }

  /** Where a stream stands now. */
  async end(session: string, stream: string): Promise<string> {
    const [last] = await this.redis.xrevrange(this.keyOf(session, stream), '+', '-', 'COUNT', 1);
    return last?.[0] ?? BEGINNING;
  }

  /** Undefined for what no edge has written: readers go on behind it. */
  private eventOf(stream: string, id: string, [field, json]: string[]): StreamEvent | undefined {
    if (field === 'm' && json !== undefined) return { id: this.eventId(stream, id), json: json === '' ? undefined : json };
    this.noteUnreadable({ stream, id });
    return undefined;
  }

  private unansweredOf(session: string, stream: string): string {
    return `${this.keyOf(session, stream)}:unanswered`;
  }
}
