import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { LogPager } from '../../http/log-pager.js';
import { onClosed } from '../../http/response-end.js';
import { EventLog, STANDALONE } from './event-log.js';
import { EVENT_STREAM_HEADERS, eventFrame } from './post-stream.js';
import { ReplicaChannel } from './replica-channel.js';

/** Also how often a stream is looked at for what an outage swallowed. */
const KEEP_ALIVE_MS = 15_000;
/** A replica that Redis does not know may be about to come back to it. */
const WRITER_GRACE_MS = 5000;
/** In place of a message. */
const END = '';

type Place = { readonly session: string; readonly stream: string; readonly cursor: string };

/** A client that reads one event stream. */
class Reader {
  readonly id = randomUUID();
  private readonly over = new AbortController();
  private isRung = false;
  private wake: () => void = () => undefined;

  get isOver(): boolean {
    return this.over.signal.aborted;
  }

  end(): void {
    this.over.abort();
    this.wake();
  }

  ring(): void {
    this.isRung = true;
    this.wake();
  }

  /** Resolves when there may be news, with false when there was none for `timeoutMs`. */
  async rung(timeoutMs: number): Promise<boolean> {
    if (!this.isRung && !this.isOver) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const wasRung = this.isRung;
    this.isRung = false;
    return wasRung;
  }

  /** Waits until the reader has taken what was written before; who does not is dropped for all of the edge. */
  async write(response: Response, text: string): Promise<void> {
    if (response.write(text)) return;
    await once(response, 'drain', { signal: this.over.signal });
  }
}

/** GET /mcp: what a session sends of itself, and what a lost connection still had to bring; at any replica, for one reader at a time. */
@Injectable()
export class EventStreams implements BeforeApplicationShutdown {
  private readonly readers = new Map<string, Reader>();

  constructor(
    private readonly log: EventLog,
    private readonly replicas: ReplicaChannel,
  ) {
    replicas.on('grown', ({ key }) => this.readers.get(key)?.ring());
    replicas.on('ended', ({ session }) => this.readers.forEach((reader, key) => key.startsWith(log.keyOf(session, '')) && reader.end()));
    replicas.on('taken', ({ key, reader }) => {
      const mine = this.readers.get(key);
      if (mine && mine.id !== reader) mine.end();
    });
  }

  /** Resolves when the stream has ended, or the connection. */
  async serve(response: Response, place: Place): Promise<void> {
    const { session, stream } = place;
    const key = this.log.keyOf(session, stream);
    const reader = new Reader();
    onClosed(response, () => reader.end());
    // An empty stream would bring clients back for ever: by 204 they know that there is nothing to come back for.
    if (await this.hasEnded(place).catch(() => false)) return void response.status(204).end();
    if (reader.isOver) return; // whoever has come back meanwhile reads on
    this.readers.get(key)?.end();
    this.readers.set(key, reader);
    this.replicas.tellAll({ type: 'taken', key, reader: reader.id });
    response.writeHead(200, { ...EVENT_STREAM_HEADERS, 'Mcp-Session-Id': session });
    response.flushHeaders();
    try {
      await this.pump(reader, response, place);
    } catch {
      response.destroy(); // it does not read; the client resumes
    } finally {
      if (this.readers.get(key) === reader) this.readers.delete(key);
      response.end();
    }
  }

  /** Their readers resume at another replica. */
  beforeApplicationShutdown(): void {
    for (const reader of this.readers.values()) reader.end();
  }

  private async pump(reader: Reader, response: Response, place: Place): Promise<void> {
    let { cursor } = place;
    const pager = new LogPager((after, limit) => this.frames(place, after, limit));
    while (!reader.isOver) {
      const events = await pager.after(cursor).catch(() => []); // an outage passes
      for (const { id, frame } of events) {
        if (frame === END) return;
        await reader.write(response, frame);
        cursor = this.log.parse(id)?.cursor ?? cursor;
      }
      if (events.length > 0) continue;
      if (await this.isLost(reader, { ...place, cursor }).catch(() => false)) {
        await this.log.giveUp(place.session, place.stream);
        continue;
      }
      if (!(await reader.rung(KEEP_ALIVE_MS)) && !reader.isOver) await reader.write(response, ': keep-alive\n\n');
    }
  }

  private async frames({ session, stream }: Place, after: string, limit: number): Promise<{ id: string; frame: string }[]> {
    const events = await this.log.read(session, stream, after, limit);
    return events.map(({ id, json }) => ({ id, frame: json === undefined ? END : eventFrame(json, id) }));
  }

  /** Whether a stream has nothing behind its cursor and never will. */
  private async hasEnded({ session, stream, cursor }: Place): Promise<boolean> {
    if (stream === STANDALONE) return false;
    const [next] = await this.log.read(session, stream, cursor, 1);
    if (next) return next.json === undefined;
    return !(await this.log.isKnown(session, stream)) && !((await this.log.isKept(session, stream, cursor)) && (await this.isWriterThere(stream)));
  }

  /** Whether nobody will write to a stream any more that has not ended. */
  private async isLost(reader: Reader, { session, stream, cursor }: Place): Promise<boolean> {
    if (stream === STANDALONE) return false;
    if (!(await this.log.isKept(session, stream, cursor))) return true;
    if (await this.isWriterThere(stream)) return false;
    const isRung = await reader.rung(WRITER_GRACE_MS);
    if (isRung) reader.ring(); // there is something to read first
    return !isRung && !reader.isOver && !(await this.isWriterThere(stream));
  }

  private isWriterThere(stream: string): Promise<boolean> {
    return this.replicas.isThere(this.log.writerOf(stream));
  }
}
