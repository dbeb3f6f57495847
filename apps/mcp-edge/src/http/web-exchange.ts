import { once } from 'node:events';
import type { Request as HttpRequest, Response as HttpResponse } from 'express';
import { onClosed } from './response-end.js';
import { answerWhole, type Pieces } from './whole-answer.js';

const NOT_KEPT = { 'cache-control': 'no-store, no-transform' };

/** JSON that is all of an answer. */
export class WholeJson {
  constructor(readonly pieces: Pieces) {}
}

type Answering = (request: Request) => Promise<Response | WholeJson>;

/** How an answer that is not there in time is begun without it; JSON then comes in a frame. */
export type LateAnswer = {
  readonly afterMs: number;
  readonly headers: Record<string, string>;
  readonly keepAlive: { readonly text: string; readonly everyMs: number };
  frame(json: string): string;
};

/** Lets a handler of web requests answer one of Node's whose body has been read. Its signal aborts when the client goes away before the end. */
export async function exchange(request: HttpRequest, response: HttpResponse, answer: Answering, late: LateAnswer): Promise<void> {
  const gone = new AbortController();
  const abort = () => gone.abort();
  onClosed(response, abort);
  if (gone.signal.aborted) return;
  const begun = beginLate(response, late);
  const answered = await answer(new Request(`http://${request.headers.host}${request.originalUrl}`, { method: request.method, headers: headersOf(request), signal: gone.signal })).finally(begun.stop);
  if (gone.signal.aborted) return;
  if (answered instanceof WholeJson) {
    response.off('close', abort); // there is nothing left to abort, and to do so costs more than the answer
    return writeWhole(response, answered, late);
  }
  try {
    if (!response.headersSent) {
      response.writeHead(answered.status, { ...Object.fromEntries(answered.headers), ...NOT_KEPT });
      response.flushHeaders();
    } else if (answered.headers.get('content-type')?.includes('json')) {
      return void response.write(late.frame(await answered.text()));
    }
    await pipe(answered, response, gone.signal);
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    response.end();
  }
}

function writeWhole(response: HttpResponse, { pieces }: WholeJson, late: LateAnswer): void {
  if (response.headersSent) response.end(late.frame(pieces.join('')));
  else answerWhole(response, { 'Content-Type': 'application/json', ...NOT_KEPT }, pieces);
}

/** Begins the answer when it is late, and keeps it alive until it comes. */
function beginLate(response: HttpResponse, { afterMs, headers, keepAlive }: LateAnswer): { stop: () => void } {
  let pulse: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => {
    response.writeHead(200, headers);
    response.flushHeaders();
    pulse = setInterval(() => response.write(keepAlive.text), keepAlive.everyMs);
  }, afterMs);
  return {
    stop: () => {
      clearTimeout(timer);
      clearInterval(pulse);
    },
  };
}

async function pipe({ body }: Response, response: HttpResponse, gone: AbortSignal): Promise<void> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node's streams are iterable, which the web's type does not say
  if (body) for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) await write(response, chunk, gone);
}

function headersOf({ headers }: HttpRequest): Headers {
  const given = new Headers();
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) given.set(name, Array.isArray(value) ? value.join(', ') : value);
  return given;
}

async function write(response: HttpResponse, chunk: Uint8Array, gone: AbortSignal): Promise<void> {
  gone.throwIfAborted();
  if (!response.write(chunk)) await once(response, 'drain', { signal: gone });
}
