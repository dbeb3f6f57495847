import { classifyInboundRequest, createMcpHandler, type McpHttpHandler, type McpRequestContext, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';
import type { Logger } from '@codex-mcp/observability';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { OpenRequests } from '../access/open-requests.service.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../edge.tokens.js';
import { onClosed } from '../http/response-end.js';
import { exchange, type LateAnswer, type WholeJson } from '../http/web-exchange.js';
import { ResourceUpdates } from '../resources/resource-updates.service.js';
import { parseResourceUri } from '../resources/resource-uri.js';
import { type CallContext, carried } from './call-context.js';
import { McpServerFactory } from './mcp-server.factory.js';
import { McpEvents } from './sessions/mcp-events.js';
import { isPlainRequest } from './sessions/plain-request.js';
import { takeResult } from './whole-results.js';
import { EVENT_STREAM_HEADERS } from './sessions/post-stream.js';

/** Comments, for proxies; progress is what clients count as a sign of life. */
const KEEP_ALIVE_MS = 15_000;

/** A client waits less long for headers than for progress: an answer that takes longer becomes a stream. */
const LATE: LateAnswer = {
  afterMs: 2000,
  headers: EVENT_STREAM_HEADERS,
  keepAlive: { text: ': keep-alive\n\n', everyMs: KEEP_ALIVE_MS },
  frame: (json) => `event: message\ndata: ${json}\n\n`,
};

/** By one stream. */
const MAX_WATCHED = 100;

const Listen = z.looseObject({ method: z.literal('subscriptions/listen') });
const Listening = Listen.extend({ params: z.looseObject({ notifications: z.looseObject({ resourceSubscriptions: z.array(z.string()) }) }) });

/** Whether a request belongs to an era with sessions, also where it is malformed in a way that both know. */
export function isOfSessions(request: Request, body: unknown): boolean {
  if (body === undefined || body === null) return true;
  const [protocolVersionHeader, mcpMethodHeader, mcpNameHeader] = ['MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name'].map((name) => request.get(name));
  if (request.method === 'POST' && (protocolVersionHeader === undefined || SUPPORTED_PROTOCOL_VERSIONS.includes(protocolVersionHeader)) && isPlainRequest(body)) return true;
  const outcome = classifyInboundRequest({
    httpMethod: request.method,
    ...(protocolVersionHeader !== undefined && { protocolVersionHeader }),
    ...(mcpMethodHeader !== undefined && { mcpMethodHeader }),
    ...(mcpNameHeader !== undefined && { mcpNameHeader }),
    body,
  });
  return outcome.kind === 'legacy';
}

/** MCP of revision 2026-07-28: a server for each request, and nothing that outlives it. A client that closes the stream of a call cancels it. */
@Injectable()
export class StatelessEndpoint implements BeforeApplicationShutdown {
  private readonly handler: McpHttpHandler;
  private readonly results = new WeakMap<globalThis.Request, WholeJson>();
  private isClosing = false;

  constructor(
    servers: McpServerFactory,
    private readonly bus: McpEvents,
    private readonly updates: ResourceUpdates,
    private readonly open: OpenRequests,
    @Inject(EDGE_CONFIG) config: EdgeConfig,
    @Inject(LOGGER) logger: Logger,
  ) {
    const connection = { era: 'stateless' as const, hints: {}, isOpen: () => !this.isClosing };
    const onerror = (error: Error) => logger.debug({ err: error }, 'an MCP request was refused');
    // Errors that are found at once have a status of their own, which an answer that has begun as a stream could not have.
    const serverFor = ({ requestInfo: web }: McpRequestContext) => takeResult(servers.createForRequest(connection), (result) => web && this.results.set(web, result));
    this.handler = createMcpHandler(serverFor, { legacy: 'reject', bus, responseMode: 'auto', keepAliveMs: KEEP_ALIVE_MS, maxSubscriptions: config.MAX_MCP_SESSIONS, onerror });
  }

  async handle(request: Request, response: Response, body: unknown, context: CallContext): Promise<void> {
    if (Listen.safeParse(body).success) this.open.listens(response);
    const parsedBody = await this.watched(body, response, context);
    return exchange(request, response, (web) => this.answer(web, parsedBody, context), LATE);
  }

  private async answer(web: globalThis.Request, parsedBody: unknown, context: CallContext): Promise<globalThis.Response | WholeJson> {
    const answered = await this.handler.fetch(web, { parsedBody, authInfo: carried(context) });
    return this.results.get(web) ?? answered;
  }

  /** What a client listens for is watched as long as its stream is open. Agents' resources that it may not see are taken out of the request. */
  private async watched(body: unknown, response: Response, { principal }: CallContext): Promise<unknown> {
    const listening = Listening.safeParse(body).data;
    if (!listening) return body;
    const { notifications } = listening.params;
    const over = new AbortController();
    onClosed(response, () => over.abort());
    const isHonoured = async (uri: string) => {
      if (parseResourceUri(uri) === undefined) return true;
      const watch = this.updates.watch(principal.tenant, uri, () => this.bus.publish({ kind: 'resource_updated', uri }), () => undefined, over.signal);
      return watch.then(() => true, () => false);
    };
    const asked = notifications.resourceSubscriptions.slice(0, MAX_WATCHED);
    const honoured = await Promise.all(asked.map(isHonoured));
    return { ...listening, params: { ...listening.params, notifications: { ...notifications, resourceSubscriptions: asked.filter((_, index) => honoured[index]) } } };
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    await this.handler.close();
  }
}
