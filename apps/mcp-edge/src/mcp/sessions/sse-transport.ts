import type { JSONRPCMessage, MessageExtraInfo, Transport } from '@modelcontextprotocol/server';
import type { Response } from 'express';
import { keepStreamAlive, writeBounded } from '../../http/bounded-output.js';
import { piecesOf } from './message-json.js';
import { EVENT_STREAM_HEADERS } from './post-stream.js';
import { newSessionId } from './session-store.js';

/** The stream of one session over HTTP+SSE. A client that stops reading is dropped, and its session with it. */
export class SseTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  readonly sessionId = newSessionId();

  constructor(
    /** Where the client is to POST its messages. */
    private readonly endpoint: string,
    private readonly response: Response,
  ) {}

  async start(): Promise<void> {
    this.response.writeHead(200, EVENT_STREAM_HEADERS);
    this.response.write(`event: endpoint\ndata: ${this.endpoint}?sessionId=${this.sessionId}\n\n`);
    this.response.once('close', () => this.onclose?.());
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!writeBounded(this.response, 'event: message\ndata: ', ...piecesOf(message), '\n\n')) throw new Error('the client is gone');
  }

  keepAlive(): void {
    keepStreamAlive(this.response);
  }

  async close(): Promise<void> {
    this.response.end();
    this.onclose?.();
  }
}
