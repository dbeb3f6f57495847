import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { TOKENS } from '../tenants/tokens.js';

type Ask = { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: unknown };

const READ_TIMEOUT_MS = 60_000;

export const MCP_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' };

export const AUTHORIZED = { authorization: `Bearer ${TOKENS.victim}` };

/** An answer of which nothing is read until somebody wants it. */
export class StalledReader {
  private constructor(private readonly response: IncomingMessage) {}

  get status(): number {
    return this.response.statusCode ?? 0;
  }

  get header(): IncomingMessage['headers'] {
    return this.response.headers;
  }

  static async open(url: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<StalledReader> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(url, { method, headers: { ...AUTHORIZED, ...headers }, agent: false });
      asked.on('response', resolve).on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
    response.pause();
    return new StalledReader(response);
  }

  /** What came first; it is read again with the rest. */
  async beginning(): Promise<string> {
    await once(this.response, 'readable');
    const chunk = this.response.read() as Buffer;
    this.response.unshift(chunk);
    return chunk.toString();
  }

  /** All that was sent, and whether it came to its end. */
  async read(): Promise<{ text: string; isWhole: boolean }> {
    const chunks: Buffer[] = [];
    let isWhole = true;
    const late = setTimeout(() => this.response.destroy(new Error('it does not end')), READ_TIMEOUT_MS).unref();
    try {
      for await (const chunk of this.response) chunks.push(chunk as Buffer);
    } catch {
      isWhole = false;
    }
    clearTimeout(late);
    return { text: Buffer.concat(chunks).toString(), isWhole };
  }
}
