import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { isJSONRPCErrorResponse, isJSONRPCResultResponse, type JSONRPCMessage, JSONRPCMessageSchema, type JSONRPCRequest, type RequestId } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { messagesIn } from './event-stream.js';
import type { ServerAddress } from './server-transport.js';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const Enveloped = z.looseObject({ _meta: z.looseObject({ [VERSION]: z.string() }) });

/** What the header Mcp-Name repeats of a request's parameters. */
const NAMED_BY: Readonly<Record<string, string>> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri', 'tasks/get': 'taskId', 'tasks/update': 'taskId', 'tasks/cancel': 'taskId' };

/** The revision that a request names for itself, as each does since 2026-07-28; undefined in sessions. */
export const revisionOf = ({ params }: JSONRPCRequest): string | undefined => Enveloped.safeParse(params).data?._meta[VERSION];

/** Requests of a client of revision 2026-07-28. Each is an HTTP request of its own; to cancel it is to end that. */
export class StatelessRequests {
  private readonly open = new Map<RequestId, AbortController>();

  constructor(
    private readonly address: ServerAddress,
    private readonly received: (message: JSONRPCMessage) => void,
  ) {}

  /** Resolves when the server has no more to say to it, answered or not. Rejects with a StreamableHTTPError, or fetch's error. */
  async send(request: JSONRPCRequest): Promise<void> {
    const ending = new AbortController();
    this.open.set(request.id, ending);
    try {
      const response = await fetch(this.address.url, { method: 'POST', headers: { ...this.address.headers(), ...headersOf(request) }, body: JSON.stringify(request), signal: ending.signal });
      if (response.headers.get('content-type')?.startsWith('text/event-stream')) for await (const message of messagesIn(response)) this.received(message);
      else this.received(await answerIn(response, request.id));
    } catch (error) {
      if (!ending.signal.aborted) throw error;
    } finally {
      this.open.delete(request.id);
    }
  }

  /** False where the request is none of these. */
  cancel(id: RequestId): boolean {
    this.open.get(id)?.abort();
    return this.open.delete(id);
  }

  end(): void {
    for (const ending of this.open.values()) ending.abort();
  }
}

function headersOf(request: JSONRPCRequest): Record<string, string> {
  const { method, params } = request;
  const name = params?.[NAMED_BY[method] ?? ''];
  return {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'MCP-Protocol-Version': revisionOf(request) ?? '',
    'Mcp-Method': method,
    ...(typeof name === 'string' && { 'Mcp-Name': headerText(name) }),
  };
}

/** As the protocol writes what a header cannot hold. */
const headerText = (text: string): string => (/^[!-~](?:[ -~]*[!-~])?$/.test(text) && !text.startsWith('=?base64?') ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`);

/** Refusals, too, are answers where they are JSON-RPC, though some do not name what they refuse. */
async function answerIn(response: Response, id: RequestId): Promise<JSONRPCMessage> {
  const text = await response.text();
  const message = JSONRPCMessageSchema.safeParse(jsonIn(text)).data;
  if (isJSONRPCResultResponse(message)) return message;
  if (isJSONRPCErrorResponse(message)) return { ...message, id };
  throw new StreamableHTTPError(response.status, text);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
