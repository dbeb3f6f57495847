import { EventEmitter, once } from 'node:events';
import { AppError } from '@codex-mcp/contracts';
import { WebSocket } from 'ws';
import { Message } from './protocol.js';

/** Codex answers -32001 to more than about 100 requests under way. */
const MAX_IN_FLIGHT = 32;
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
/** What `ws` says; it has no code for it. */
const HANDSHAKE_TIMEOUT = 'Opening handshake has timed out';

type Pending = { resolve: (result: unknown) => void; reject: (error: Error) => void; timer: NodeJS.Timeout; method: string };
type Events = { notification: [method: string, params: unknown]; close: [] };

/** Answers a request that Codex makes of its client, at once or later. Throwing answers with an error, so that a turn never hangs on it. */
export type ServerRequestHandler = (method: string, params: unknown, id: string | number) => unknown;

export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    readonly method: string,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Codex is there, but does not answer: it hangs, and only a restart helps. */
export class UnresponsiveError extends AppError {
  constructor(what: string, timeoutMs: number, cause?: unknown) {
    super('agent_start_failed', `Codex did not answer ${what} within ${timeoutMs} ms.`, { cause });
  }
}

/** There is no way to Codex at the moment: it ended, or somebody between here and there did. */
export class UnreachableError extends AppError {
  constructor(message: string, cause?: unknown) {
    super('agent_start_failed', message, { cause });
  }
}

/** Codex's JSON-RPC (without the `jsonrpc` field) over a WebSocket. Emits `notification` and, once, `close`. */
export class RpcConnection extends EventEmitter<Events> {
  private readonly pending = new Map<number, Pending>();
  private readonly waiting: (() => void)[] = [];
  private nextId = 1;

  private constructor(
    private readonly socket: WebSocket,
    private readonly onServerRequest: ServerRequestHandler,
  ) {
    super();
    socket.on('message', (data: Buffer) => this.receive(data));
    socket.on('close', () => this.fail());
    socket.on('error', () => socket.terminate());
  }

  /** `url`: `ws://…`, or `ws+unix:/path/to.sock:/` for a socket on this machine. */
  static async open(url: string, options: { headers?: Record<string, string>; timeoutMs: number; onServerRequest: ServerRequestHandler }): Promise<RpcConnection> {
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES, handshakeTimeout: options.timeoutMs, ...(options.headers && { headers: options.headers }) });
    const connection = new RpcConnection(socket, options.onServerRequest); // listens before the first message can come
    try {
      await once(socket, 'open');
    } catch (error) {
      socket.terminate();
      throw error instanceof Error && error.message === HANDSHAKE_TIMEOUT ? new UnresponsiveError('the handshake', options.timeoutMs, error) : error;
    }
    return connection;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Rejects with RpcError (Codex refused), UnresponsiveError (no answer), or UnreachableError (the connection ended). */
  async request(method: string, params: unknown, timeoutMs: number): Promise<unknown> {
    while (this.pending.size >= MAX_IN_FLIGHT) await new Promise<void>((resume) => this.waiting.push(resume));
    if (!this.isOpen) throw lost(method);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.settle(id)?.reject(new UnresponsiveError(method, timeoutMs)), timeoutMs);
      this.pending.set(id, { resolve, reject, timer, method });
      this.send({ id, method, params });
    });
  }

  notify(method: string): void {
    this.send({ method });
  }

  close(): void {
    this.socket.close();
  }

  private send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  private receive(data: Buffer): void {
    const parsed = Message.safeParse(parseJson(data.toString('utf8')));
    if (!parsed.success) return this.socket.terminate(); // whoever speaks so is not Codex
    const { id, method, params, result, error } = parsed.data;
    if (method !== undefined && id !== undefined) return void this.answer(id, method, params);
    if (method !== undefined) return void this.emit('notification', method, params);
    const request = typeof id === 'number' ? this.settle(id) : undefined;
    if (error) request?.reject(new RpcError(request.method, error.code, error.message));
    else request?.resolve(result);
  }

  private async answer(id: string | number, method: string, params: unknown): Promise<void> {
    try {
      this.send({ id, result: await this.onServerRequest(method, params, id) });
    } catch (error) {
      this.send({ id, error: { code: -32601, message: error instanceof Error ? error.message : 'not supported' } });
    }
  }

  private settle(id: number): Pending | undefined {
    const request = this.pending.get(id);
    if (!request) return undefined;
    clearTimeout(request.timer);
    this.pending.delete(id);
    this.waiting.shift()?.();
    return request;
  }

  private fail(): void {
    for (const [id, { method }] of this.pending) this.settle(id)?.reject(lost(method));
    this.emit('close');
    this.removeAllListeners();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const lost = (method: string) => new UnreachableError(`The connection to Codex ended before it answered ${method}.`);
