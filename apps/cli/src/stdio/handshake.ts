import { InitializeResultSchema, isInitializeRequest, isInitializedNotification, isJSONRPCRequest, type JSONRPCMessage, type JSONRPCRequest, type JSONRPCResultResponse, type RequestId } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';

const Subscription = z.looseObject({ uri: z.string() });

type Session = { send(message: JSONRPCMessage): Promise<void>; setProtocolVersion(version: string): void };

/** What a client has said that a new session must be told as well: who it is, and what it wants to hear of. */
export class Handshake {
  private initialize: JSONRPCRequest | undefined;
  private initialized: JSONRPCMessage | undefined;
  private readonly standing = new Map<string, JSONRPCRequest>();

  observe(message: JSONRPCMessage): void {
    if (isInitializedNotification(message)) this.initialized = message;
    if (!isJSONRPCRequest(message)) return;
    if (isInitializeRequest(message)) this.initialize = message;
    if (message.method === 'logging/setLevel') this.standing.set(message.method, message);
    const uri = Subscription.safeParse(message.params).data?.uri ?? '';
    if (message.method === 'resources/subscribe') this.standing.set(uri, message);
    if (message.method === 'resources/unsubscribe') this.standing.delete(uri);
  }

  /** The id of the client's `initialize`. */
  get openedBy(): RequestId | undefined {
    return this.initialize?.id;
  }

  /** The client has finished opening its session, so that it can be opened again without it. */
  get isComplete(): boolean {
    return this.initialize !== undefined && this.initialized !== undefined;
  }

  /** The protocol's version, if this is the answer to the client's `initialize`. */
  versionIn({ id, result }: JSONRPCResultResponse): string | undefined {
    return id === this.openedBy ? InitializeResultSchema.safeParse(result).data?.protocolVersion : undefined;
  }

  /** Sends it all over a new connection. `ask` resolves with a request's result. */
  async repeat(session: Session, ask: (request: JSONRPCRequest) => Promise<unknown>): Promise<void> {
    if (!this.initialize || !this.initialized) throw new Error('the client has not opened a session');
    session.setProtocolVersion(InitializeResultSchema.parse(await ask(this.initialize)).protocolVersion);
    await session.send(this.initialized);
    for (const request of this.standing.values()) await ask(request).catch(() => undefined); // what the new server cannot do it does not
  }
}
