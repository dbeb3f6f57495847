import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { isJSONRPCErrorResponse, isJSONRPCRequest, isJSONRPCResultResponse, type JSONRPCMessage, JSONRPCMessageSchema, type RequestId } from '@modelcontextprotocol/sdk/types.js';

/** `headers` are asked for with each connection: a token may have been changed. */
export type ServerAddress = { readonly url: URL; readonly headers: () => Record<string, string> };

type Events = {
  message: (message: JSONRPCMessage) => void;
  /** The stream that was to bring a request's answer has ended, and no other will bring it. */
  lost: (id: RequestId) => void;
  /** The server does not know the session any more, as something that was no request has shown. */
  gone: () => void;
};

/** What arrived with a stream's end goes through the SDK's parser before the end is acted on. */
const PARSED_MS = 100;
/** A stream that broke is asked for again as long as this process runs. */
const RECONNECTION = { initialReconnectionDelay: 500, maxReconnectionDelay: 5000, reconnectionDelayGrowFactor: 1.5, maxRetries: Number.MAX_SAFE_INTEGER };

/** Of a request over a connection that was kept, nobody can say whether a server that goes away has still read it. */
const OWN_CONNECTION = { Connection: 'close' };

/** The server has not looked at the message: it does not know the session any more. */
export class SessionOver extends Error {}

/** The SDK's transport to the server, which by itself tells nobody that a request will get no answer, or that its session is over. */
export class ServerTransport {
  private readonly transport: StreamableHTTPClientTransport;
  /** Requests without an answer: whether the server has taken them, and lets their streams be resumed. */
  private readonly open = new Map<RequestId, { taken: boolean; resumable: boolean }>();
  private closed = false;
  private sessionOver = false;

  constructor(
    { url, headers }: ServerAddress,
    private readonly on: Events,
  ) {
    this.transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: { ...headers(), ...OWN_CONNECTION } }, reconnectionOptions: RECONNECTION, fetch: (target, init) => this.fetch(target, init) });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport is no EventTarget
    this.transport.onmessage = (message) => this.received(message);
  }

  start(): Promise<void> {
    return this.transport.start();
  }

  /** Resolves when the server has taken the message; rejects with SessionOver, or the SDK's or fetch's error. */
  async send(message: JSONRPCMessage): Promise<void> {
    const state = { taken: false, resumable: false };
    if (isJSONRPCRequest(message)) this.open.set(message.id, state);
    try {
      await this.transport.send(message, { onresumptiontoken: () => (state.resumable = true) });
      state.taken = true;
    } catch (error) {
      if (isJSONRPCRequest(message)) this.open.delete(message.id);
      throw this.sessionOver && error instanceof Error && error.name === 'AbortError' ? new SessionOver() : error;
    }
  }

  setProtocolVersion(version: string): void {
    this.transport.setProtocolVersion(version);
  }

  /** Ends the session at the server, if that answers within `timeoutMs`. */
  async terminate(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => void this.close(), timeoutMs);
    await this.transport.terminateSession().catch(() => undefined);
    clearTimeout(timer);
    await this.close();
  }

  /** Nothing is received any more. Returns the requests that the server has taken and not answered. */
  async close(): Promise<RequestId[]> {
    const unanswered = this.closed ? [] : [...this.open].filter(([, { taken }]) => taken).map(([id]) => id);
    this.closed = true;
    await this.transport.close();
    return unanswered;
  }

  private received(message: JSONRPCMessage): void {
    if (this.closed) return;
    if ((isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) && message.id !== undefined) this.open.delete(message.id);
    this.on.message(message);
  }

  private async fetch(target: string | URL, init: RequestInit | undefined): Promise<Response> {
    const response = await fetch(target, init);
    const id = requestIn(init?.body);
    if (response.status === 404 && new Headers(init?.headers).has('mcp-session-id')) {
      this.sessionOver = true;
      if (id === undefined && !this.closed) this.on.gone();
    }
    if (id === undefined || !response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) return response;
    return new Response(ReadableStream.from(this.watched(response.body, id)), response);
  }

  private async *watched(body: ReadableStream<Uint8Array>, id: RequestId): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } finally {
      setTimeout(() => {
        const state = this.open.get(id);
        if (this.closed || !state || state.resumable) return;
        this.open.delete(id);
        this.on.lost(id);
      }, PARSED_MS);
    }
  }
}

function requestIn(body: unknown): RequestId | undefined {
  if (typeof body !== 'string') return undefined;
  const message = JSONRPCMessageSchema.safeParse(JSON.parse(body)).data;
  return isJSONRPCRequest(message) ? message.id : undefined;
}
