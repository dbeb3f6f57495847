import { once } from 'node:events';
import type { Request as HttpRequest, Response as HttpResponse } from 'express';

type Answering = (request: Request) => Promise<Response>;

/** Lets a handler of web requests answer one of Node's whose body has been read. Its signal aborts when the client goes away before the end; headers do not wait for the body. */
export async function exchange(request: HttpRequest, response: HttpResponse, answer: Answering): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const answered = await answer(new Request(`http://${request.headers.host}${request.originalUrl}`, { method: request.method, headers: headersOf(request), signal: gone.signal }));
  response.status(answered.status).setHeaders(answered.headers);
  response.flushHeaders();
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Node's streams are iterable, which the web's type does not say
    if (answered.body) for await (const chunk of answered.body as unknown as AsyncIterable<Uint8Array>) await write(response, chunk, gone.signal);
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  } finally {
    response.end();
  }
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
