import { setTimeout as delay } from 'node:timers/promises';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCErrorResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type JSONRPCResultResponse,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { Handshake } from './handshake.js';
import { PendingRequests } from './pending-requests.js';
import { OwnRequests } from './own-requests.js';
import { isSessionOver, lostConnection, mayBeRepeated, type Refusal, refusalOf } from './refusal.js';
import { type ServerAddress, ServerTransport } from './server-transport.js';
import { revisionOf, StatelessRequests } from './stateless-requests.js';

/** How long what the client says waits for a server that is being restarted. */
const RESTART_TIMEOUT_MS = 30_000;
const RETRY_MS = 300;
const FAREWELL_TIMEOUT_MS = 1000;

const Cancelled = z.looseObject({ requestId: z.union([z.string(), z.number()]) });

type Listeners = {
  /** Something that a person may want to know. */
  say: (line: string) => void;
  /** The client has been told that no session can be had. */
  unusable: (refusal: Refusal) => void;
};

/**
 * Carries messages between a client and a server, both ways and as they are. A server that was restarted gets the
 * client's handshake again; requests that it cannot answer any more are answered here.
 */
export class Bridge {
  private readonly handshake = new Handshake();
  private readonly own = new OwnRequests();
  private readonly pending = new PendingRequests();
  private readonly deliveries = new Set<Promise<void>>();
  /** The server's. Those of a session that is over get none. */
  private readonly asked = new Set<RequestId>();
  private readonly stateless: StatelessRequests;
  private server: ServerTransport | undefined;
  private opening: Promise<ServerTransport> | undefined;
  private wasAnswered = false;
  private ended = false;

  constructor(
    private readonly client: Transport,
    private readonly address: ServerAddress,
    private readonly on: Listeners,
  ) {
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport is no EventTarget
    client.onmessage = (message) => this.fromClient(message);
    this.stateless = new StatelessRequests(address, (message) => this.fromServer(message));
  }

  start(): Promise<void> {
    return this.client.start();
  }

  /** Resolves when all that the client has said is delivered and answered, or after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const timer = new AbortController();
    const drained = Promise.all(this.deliveries).then(() => this.pending.empty());
    await Promise.race([drained, delay(timeoutMs, undefined, { signal: timer.signal })]);
    timer.abort();
  }

  /** Ends the session at the server. Turns that were called for go on. */
  async end(): Promise<void> {
    this.ended = true;
    this.stateless.end();
    await this.server?.terminate(FAREWELL_TIMEOUT_MS);
  }

  private fromClient(message: JSONRPCMessage): void {
    if (isJSONRPCRequest(message)) this.pending.add(message.id);
    else if (isJSONRPCNotification(message)) {
      const cancelled = message.method === 'notifications/cancelled' ? Cancelled.safeParse(message.params).data : undefined;
      if (cancelled) this.pending.settle(cancelled.requestId);
      if (cancelled && this.stateless.cancel(cancelled.requestId)) return;
    } else if (message.id === undefined || !this.asked.delete(message.id)) return;
    const delivery = isJSONRPCRequest(message) && revisionOf(message) !== undefined ? this.deliverAlone(message) : this.deliver(message);
    this.deliveries.add(delivery);
    void delivery.finally(() => this.deliveries.delete(delivery));
  }

  private fromServer(message: JSONRPCMessage): void {
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) return this.answered(message);
    if (isJSONRPCRequest(message)) this.asked.add(message.id);
    void this.client.send(message);
  }

  private answered(message: JSONRPCResultResponse | JSONRPCErrorResponse): void {
    if (message.id === undefined || this.own.settle(message.id, message) || !this.pending.settle(message.id)) return;
    this.wasAnswered = true;
    const version = 'result' in message ? this.handshake.versionIn(message) : undefined;
    if (version !== undefined) this.server?.setProtocolVersion(version);
    void this.client.send(message);
  }

  private async deliver(message: JSONRPCMessage): Promise<void> {
    const { openedBy } = this.handshake;
    // Who pipes a script of messages into this does not wait for the session to be open.
    if (openedBy !== undefined) await this.pending.settled(openedBy);
    this.handshake.observe(message);
    const deadline = Date.now() + (this.handshake.isComplete ? RESTART_TIMEOUT_MS : 0);
    const isWanted = () => !this.ended && (!isJSONRPCRequest(message) || this.pending.has(message.id));
    for (let sessions = 0; isWanted(); ) {
      let server: ServerTransport | undefined;
      try {
        server = await this.connected();
        return await server.send(message);
      } catch (error) {
        const isStale = isSessionOver(error) && this.handshake.isComplete && sessions++ === 0;
        if (isStale && server) this.leave(server);
        else if (mayBeRepeated(message, error) && Date.now() < deadline) await delay(RETRY_MS);
        else return this.refuse(message, refusalOf(error, this.address.url));
      }
    }
  }

  /** A request that names its revision needs no session; who sent it can send another where this comes to nothing. */
  private async deliverAlone(request: JSONRPCRequest): Promise<void> {
    const deadline = Date.now() + (this.wasAnswered ? RESTART_TIMEOUT_MS : 0);
    while (!this.ended && this.pending.has(request.id)) {
      try {
        await this.stateless.send(request);
        return this.lose(request.id);
      } catch (error) {
        if (mayBeRepeated(request, error) && Date.now() < deadline) await delay(RETRY_MS);
        else this.tell(request.id, refusalOf(error, this.address.url));
      }
    }
  }

  private tell(id: RequestId, refusal: Refusal): void {
    this.on.say(refusal.message);
    if (this.pending.settle(id)) void this.client.send({ jsonrpc: '2.0', id, error: refusal });
  }

  private refuse(message: JSONRPCMessage, refusal: Refusal): void {
    if (!isJSONRPCRequest(message)) return this.on.say(refusal.message);
    if (!this.pending.settle(message.id)) return;
    const told = this.client.send({ jsonrpc: '2.0', id: message.id, error: refusal });
    if (!this.handshake.isComplete) void told.then(() => this.on.unusable(refusal));
  }

  private connected(): Promise<ServerTransport> {
    if (this.server) return Promise.resolve(this.server);
    this.opening ??= this.open().finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async open(): Promise<ServerTransport> {
    const server = new ServerTransport(this.address, {
      message: (message) => this.fromServer(message),
      lost: (id) => this.lose(id),
      gone: () => this.handshake.isComplete && this.leave(server),
    });
    await server.start();
    if (this.handshake.isComplete) {
      try {
        await this.handshake.repeat(server, (request) => this.own.ask(request, (asked) => server.send(asked)));
      } catch (error) {
        await server.close();
        throw error;
      }
      this.on.say('the server had been restarted; the session goes on');
    }
    return (this.server = server);
  }

  /** A session is over: what it was to answer is lost, and what it had asked is of no interest any more. */
  private leave(server: ServerTransport): void {
    if (this.server !== server) return;
    this.server = undefined;
    for (const requestId of this.asked) void this.client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason: 'The server was restarted.' } });
    this.asked.clear();
    void server.close().then((unanswered) => unanswered.forEach((id) => this.lose(id)));
    this.connected().catch(() => undefined); // so that the client hears of what happens; what it says next tries again
  }

  private lose(id: RequestId): void {
    const error = lostConnection(this.address.url);
    if (!this.own.settle(id, { error }) && this.pending.settle(id)) void this.client.send({ jsonrpc: '2.0', id, error });
  }
}
