import { once } from 'node:events';
import type { Request as HttpRequest, Response as HttpResponse } from 'express';

type Answering = (request: Request) => Promise<Response>;

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
  response.once('close', () => gone.abort());
  const begun = beginLate(response, late);
  const answered = await answer(new Request(`http://${request.headers.host}${request.originalUrl}`, { method: request.method, headers: headersOf(request), signal: gone.signal })).finally(begun.stop);
  if (gone.signal.aborted) return;
  try {
    if (!response.headersSent) {
      response.writeHead(answered.status, { ...Object.fromEntries(answered.headers), 'cache-control': 'no-store, no-transform' });
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
