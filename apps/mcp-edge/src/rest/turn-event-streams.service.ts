import { once } from 'node:events';
import { isTerminalEvent } from '@codex-mcp/contracts';
import { type LogEntry, TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { LOGGER } from '../edge.tokens.js';
import { LogPager } from '../http/log-pager.js';
import { onClosed } from '../http/response-end.js';
import { asCallerError } from '../invocation/redis-outage.errors.js';

const BEGINNING = '0-0';
/** Also how often the log is looked into for announcements that an outage swallowed. */
const KEEP_ALIVE_MS = 15_000;

type Frame = { readonly id: string; readonly frame: string; readonly isLast: boolean };
type Start = { readonly page: Frame[]; readonly cursor: string };

/** Turn logs as server-sent events: `id` is the cursor, `event` the type, `data` `{seq, at_ms, event}`. */
@Injectable()
export class TurnEventStreams implements BeforeApplicationShutdown {
  private readonly open = new Set<AbortController>();

  constructor(
    private readonly reader: TurnLogReader,
    private readonly turns: TurnStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Resolves when the terminal event was sent or the connection is over. Nothing is buffered beyond what the socket holds and one page. */
  async send(response: Response, turnId: string, after: string = BEGINNING): Promise<void> {
    const over = new AbortController();
    onClosed(response, () => over.abort());
    this.open.add(over);
    try {
      const pager = new LogPager<Frame>((cursor, limit) => this.page(turnId, cursor, limit));
      const first = await pager.after(after);
      if (first.length === 0 && (await this.hasEnded(turnId, after))) return void response.status(204).end();
      await this.stream(response, turnId, pager, { page: first, cursor: after }, over.signal);
    } finally {
      this.open.delete(over);
    }
  }

  /** Ends the streams, so that their readers go to another instance. */
  beforeApplicationShutdown(): void {
    for (const over of this.open) over.abort();
  }

  private async stream(response: Response, turnId: string, pager: LogPager<Frame>, start: Start, over: AbortSignal): Promise<void> {
    response.status(200).set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    response.flushHeaders();
    try {
      await this.pump(response, turnId, pager, start, over);
    } catch (error) {
      if (!over.aborted) this.logger.warn({ err: error, turnId }, 'an event stream broke off');
    } finally {
      response.end();
    }
  }

  private async pump(response: Response, turnId: string, pager: LogPager<Frame>, start: Start, over: AbortSignal): Promise<void> {
    let { page, cursor } = start;
    const bell = await this.listen(turnId, over);
    try {
      while (!over.aborted) {
        for (const { id, frame, isLast } of page) {
          await write(response, frame, over);
          cursor = id;
          if (isLast) return;
        }
        if (page.length === 0 && !(await bell.rung(KEEP_ALIVE_MS))) {
          await write(response, ': keep-alive\n\n', over);
          if (await this.hasEnded(turnId, cursor).catch(() => false)) return; // an outage passes
        }
        page = await pager.after(cursor).catch(() => []);
      }
    } finally {
      bell.leave();
    }
  }

  /** Rings when the log has grown; what it has is read page by page at the reader's pace. */
  private async listen(turnId: string, over: AbortSignal): Promise<{ rung: (timeoutMs: number) => Promise<boolean>; leave: () => void }> {
    let isRung = true; // for what was added before it listened
    let wake = () => {};
    const ring = () => {
      isRung = true;
      wake();
    };
    over.addEventListener('abort', ring, { once: true });
    const leave = await this.reader.bell(turnId, ring).catch(() => () => undefined);
    const rung = async (timeoutMs: number): Promise<boolean> => {
      if (!isRung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      const wasRung = isRung;
      isRung = false;
      return wasRung;
    };
    return { rung, leave };
  }

  private async page(turnId: string, after: string, limit: number): Promise<Frame[]> {
    try {
      const entries = await this.reader.read(turnId, after, limit);
      return entries.map((entry) => ({ id: entry.id, frame: frameOf(entry), isLast: isTerminalEvent(entry.event) }));
    } catch (error) {
      throw asCallerError(error);
    }
  }

  /** Whether nothing can follow the cursor: the turn has ended, or is no longer known. */
  private async hasEnded(turnId: string, cursor: string): Promise<boolean> {
    const record = await this.turns.load(turnId);
    return record === undefined || (record.terminal !== undefined && (await this.page(turnId, cursor, 1)).length === 0);
  }
}

const frameOf = ({ id, seq, atMs, event }: LogEntry): string => `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify({ seq, at_ms: atMs, event })}\n\n`;

/** Waits until the reader has taken what was written before. The connection of one that does not is dropped for all of the edge, which ends the wait. */
async function write(response: Response, text: string, over: AbortSignal): Promise<void> {
  if (!response.write(text)) await once(response, 'drain', { signal: over });
}
