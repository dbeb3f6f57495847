import { Agent, request as httpRequest } from 'node:http';

export type Attempt = { readonly method: string; readonly path: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Buffer };
export type Answer = { readonly status: number; readonly text: string };

const TIMEOUT_MS = 30_000;
/** What is read of a stream that does not end by itself. */
const STREAM_MS = 100;

const connections = new Agent({ keepAlive: true, maxSockets: 16 });

/** Rejects where no answer comes. A connection that the server cuts, as it may, is status 0. */
export function send(url: string, { method, path, headers = {}, body = '' }: Attempt): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = httpRequest({ hostname, port, method, path, headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) }, agent: connections, timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      const done = () => resolve({ status: response.statusCode ?? 0, text });
      response.setEncoding('utf8').on('data', (more: string) => (text += more)).on('error', done).on('end', done);
      if (!response.headers['content-type']?.startsWith('text/event-stream')) return;
      setTimeout(() => {
        done();
        request.destroy();
      }, STREAM_MS).unref();
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', (error) => (error.message === 'no answer' ? reject(new Error(`${method} ${path.slice(0, 100)}: no answer`)) : resolve({ status: 0, text: '' })));
    request.end(body);
  });
}

/** Characters that a request line may not hold, escaped. */
export const pathOf = (text: string): string => text.replace(/[^\u0021-\u007e]|#/gu, (character) => (/[\ud800-\udfff]/.test(character) && character.length === 1 ? '%ED%A0%80' : encodeURIComponent(character)));

export const isHeaderValue = (text: string): boolean => /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(text);
