import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';
import type { Response } from 'express';
import { keepStreamAlive, writeBounded } from '../../http/bounded-output.js';
import { answerWhole, type Pieces } from '../../http/whole-answer.js';
import { type EventLog, lostAnswer } from './event-log.js';
import { jsonOf, piecesOf } from './message-json.js';
import { isAnswer } from './message-kind.js';

const RETRY_MS = 1000;
/** The first revision whose clients understand events without data. */
const PRIMING_SINCE = '2025-11-25';

export const EVENT_STREAM_HEADERS = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store, no-transform', 'X-Accel-Buffering': 'no' };

export const eventFrame = (json: string, id?: string): string => `event: message\n${id === undefined ? '' : `id: ${id}\n`}data: ${json}\n\n`;

/** The answer to one POST: a stream that ends when all its requests are answered. One that is kept can be read on after its connection broke. */
export class PostStream {
  private readonly id: string;
  private readonly unanswered: Set<RequestId>;
  private readonly headers: Record<string, string>;
  private written = 0;

  constructor(
    private readonly session: string,
    private readonly response: Response,
    requests: readonly RequestId[],
    /** Where its events are kept; undefined where nobody would come back for them. */
    private readonly log: EventLog | undefined,
  ) {
    this.id = log?.newStream() ?? '';
    this.unanswered = new Set(requests);
    this.headers = { ...EVENT_STREAM_HEADERS, 'Mcp-Session-Id': session };
  }

  /** Begins a stream that is kept; another begins with what is written first, as a rule its whole answer. */
  open(protocolVersion: string): void {
    if (!this.log) return;
    this.begin();
    this.response.flushHeaders();
    this.log.open(this.session, this.id, [...this.unanswered]);
    if (protocolVersion >= PRIMING_SINCE) this.response.write(`id: ${this.log.eventId(this.id, 0)}\nretry: ${RETRY_MS}\ndata: \n\n`);
  }

  get isResumable(): boolean {
    return this.log !== undefined;
  }

  send(message: JSONRPCMessage): void {
    const answered = isAnswer(message) ? message.id : undefined;
    if (answered !== undefined && !this.unanswered.has(answered)) return; // its client has cancelled it
    const json = this.log && jsonOf(message);
    const frame = json === undefined ? ['event: message\ndata: ', ...piecesOf(message), '\n\n'] : [eventFrame(json, this.log?.eventId(this.id, this.written + 1))];
    if (answered !== undefined && this.unanswered.size === 1 && this.isWritable && !this.response.headersSent) answerWhole(this.response, this.headers, frame);
    else this.write(...frame);
    if (answered !== undefined) this.settle(answered, json);
    else if (json !== undefined) this.log?.append(this.session, this.id, json, ++this.written);
  }

  /** The request gets no answer any more. */
  abandon(request: RequestId): void {
    if (this.unanswered.has(request)) this.settle(request);
  }

  /** Ends the connection, not the stream. */
  detach(): void {
    this.end();
  }

  /** Nobody will answer its requests any more. */
  giveUp(): void {
    for (const request of this.unanswered) this.send(lostAnswer(request));
  }

  keepAlive(): void {
    this.log?.refresh(this.session, this.id);
    if (this.isWritable) this.begin();
    keepStreamAlive(this.response);
  }

  private settle(request: RequestId, json?: string): void {
    this.unanswered.delete(request);
    const isLast = this.unanswered.size === 0;
    const place = json === undefined ? this.written : ++this.written;
    this.log?.settle(this.session, this.id, request, { json, place, isLast });
    if (!isLast) return;
    this.written += 1;
    this.end();
  }

  private begin(): void {
    if (!this.response.headersSent) this.response.writeHead(200, this.headers);
  }

  private end(): void {
    this.begin();
    this.response.end();
  }

  private get isWritable(): boolean {
    return !this.response.writableEnded && !this.response.destroyed;
  }

  private write(...pieces: Pieces): void {
    if (this.isWritable) this.begin();
    writeBounded(this.response, ...pieces);
  }
}
