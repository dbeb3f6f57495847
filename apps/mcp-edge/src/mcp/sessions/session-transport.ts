import type { AuthInfo, JSONRPCMessage, MessageExtraInfo, RequestId, Transport, TransportSendOptions } from '@modelcontextprotocol/server';
import type { Response } from 'express';
import { z } from 'zod';
import { type CallContext, carried } from '../call-context.js';
import { type EventLog, STANDALONE } from './event-log.js';
import { isLasting } from './lasting-request.js';
import { jsonOf } from './message-json.js';
import { type Answer, isAnswer, isRequest } from './message-kind.js';
import { PostStream } from './post-stream.js';

/** The id of an `initialize` that no client waits for. */
const RESTORING = 'restoring';
const KEEP_ALIVE_MS = 15_000;

const Withdrawal = z.looseObject({ requestId: z.union([z.string(), z.number()]) });

/** Ids of requests to clients name the replica that waits for the answer. */
const questionId = (replica: string, id: RequestId): string => `${replica}:${id}`;

/** A question, or the withdrawal of one, under that id. */
function named(message: JSONRPCMessage, replica: string): JSONRPCMessage {
  if (isRequest(message)) return { ...message, id: questionId(replica, message.id) };
  const withdrawn = 'method' in message && message.method === 'notifications/cancelled' ? Withdrawal.safeParse(message.params).data : undefined;
  return withdrawn ? { ...message, params: { ...withdrawn, requestId: questionId(replica, withdrawn.requestId) } } : message;
}

/** The replica that asked what this answers, and its own id of the question. */
export function askedBy({ id }: Answer): { replica: string; id: number } | undefined {
  const [, replica, number] = /^([0-9a-f]+):(\d+)$/.exec(String(id)) ?? [];
  return replica === undefined ? undefined : { replica, id: Number(number) };
}

type Post = { readonly response: Response; readonly protocolVersion: string; readonly context: CallContext };

/** One session over Streamable HTTP, as far as this replica serves it: the streams of the POSTs that came here. */
export class SessionTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  private readonly streams = new Map<RequestId, PostStream>();
  private onRestored: () => void = () => undefined;
  private readonly keepAlive: NodeJS.Timeout;

  constructor(
    readonly sessionId: string,
    private readonly replica: string,
    private readonly log: EventLog,
  ) {
    this.keepAlive = setInterval(() => new Set(this.streams.values()).forEach((stream) => stream.keepAlive()), KEEP_ALIVE_MS).unref();
  }

  async start(): Promise<void> {}

  /** Makes the session what it was where it was opened. */
  async restore(initialize: Record<string, unknown>): Promise<void> {
    const restored = new Promise<void>((resolve) => (this.onRestored = resolve));
    this.onmessage?.({ jsonrpc: '2.0', id: RESTORING, method: 'initialize', params: initialize });
    await restored;
  }

  /** Gives messages of a client to the server; the response to their POST becomes the stream of their answers. */
  receive(messages: readonly JSONRPCMessage[], { response, protocolVersion, context }: Post): void {
    const requests = messages.filter(isRequest);
    if (requests.length === 0) {
      response.status(202).end();
    } else {
      // Who asks for several things cannot tell which answers it lost.
      const isKept = requests.length > 1 || requests.some(isLasting);
      const stream = new PostStream(this.sessionId, response, requests.map(({ id }) => id), isKept ? this.log : undefined);
      for (const { id } of requests) this.streams.set(id, stream);
      stream.open(protocolVersion);
    }
    const authInfo = carried(context);
    for (const message of messages) this.deliver(message, authInfo);
  }

  /** Gives the server a message; without `authInfo` one that no POST to this replica brought, which is no request. */
  deliver(message: JSONRPCMessage, authInfo?: AuthInfo): void {
    const stream = isRequest(message) ? this.streams.get(message.id) : undefined;
    this.onmessage?.(message, { ...(authInfo && { authInfo }), ...(stream?.isResumable && { closeSSEStream: () => stream.detach() }) });
  }

  /** Whether a request of the client is answered here. */
  serves(request: RequestId): boolean {
    return this.streams.has(request);
  }

  get isBusy(): boolean {
    return this.streams.size > 0;
  }

  /** The client has cancelled its request. */
  abandon(request: RequestId): void {
    this.streams.get(request)?.abandon(request);
    this.streams.delete(request);
  }

  async send(message: JSONRPCMessage, { relatedRequestId }: TransportSendOptions = {}): Promise<void> {
    if (isAnswer(message)) return this.answer(message);
    const sent = named(message, this.replica);
    if (relatedRequestId === undefined) return this.log.append(this.sessionId, STANDALONE, jsonOf(sent));
    this.streams.get(relatedRequestId)?.send(sent);
  }

  async close(): Promise<void> {
    clearInterval(this.keepAlive);
    for (const stream of new Set(this.streams.values())) stream.giveUp();
    this.streams.clear();
    this.onclose?.();
  }

  private answer(message: Answer): void {
    if (message.id === RESTORING) return this.onRestored();
    const stream = message.id === undefined ? undefined : this.streams.get(message.id);
    if (message.id !== undefined) this.streams.delete(message.id);
    stream?.send(message);
  }
}
