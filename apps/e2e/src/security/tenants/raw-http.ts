import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export type RawRequest = { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown };
export type RawAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string };

/** What is read of a stream that does not end by itself. */
const STREAM_MS = 300;

const connections = new Agent({ keepAlive: true, maxSockets: 16 });

/** A request with exactly these headers, which fetch does not let one choose. Of an event stream that goes on, its beginning. */
export function rawRequest(port: number, path: string, { method = 'GET', headers = {}, body }: RawRequest = {}): Promise<RawAnswer> {
  const json = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers: { ...(json !== undefined && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(json)) }), ...headers }, agent: connections }, (response) => {
      let text = '';
      const done = () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      response.setEncoding('utf8').on('data', (more: string) => (text += more));
      response.on('error', done).on('end', done);
      if (!response.headers['content-type']?.startsWith('text/event-stream')) return;
      setTimeout(() => {
        done();
        request.destroy();
      }, STREAM_MS).unref();
    });
    request.on('error', (error) => reject(new Error(`${method} ${path}: ${error.message}`)));
    request.end(json);
  });
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
