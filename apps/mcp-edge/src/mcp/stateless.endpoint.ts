import { classifyInboundRequest, createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import type { Logger } from '@codex-mcp/observability';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../edge.tokens.js';
import { exchange, type LateAnswer } from '../http/web-exchange.js';
import { type CallContext, callContext } from './call-context.js';
import { McpServerFactory } from './mcp-server.factory.js';
import { McpEvents } from './sessions/mcp-events.js';
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

/** Whether a request belongs to an era with sessions, also where it is malformed in a way that both know. */
export function isOfSessions(request: Request, body: unknown): boolean {
  if (body === undefined || body === null) return true;
  const [protocolVersionHeader, mcpMethodHeader, mcpNameHeader] = ['MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name'].map((name) => request.get(name));
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
  private isClosing = false;

  constructor(
    servers: McpServerFactory,
    bus: McpEvents,
    @Inject(EDGE_CONFIG) config: EdgeConfig,
    @Inject(LOGGER) logger: Logger,
  ) {
    const connection = { era: 'stateless' as const, hints: {}, isOpen: () => !this.isClosing };
    const onerror = (error: Error) => logger.debug({ err: error }, 'an MCP request was refused');
    // Errors that are found at once have a status of their own, which an answer that has begun as a stream could not have.
    this.handler = createMcpHandler(() => servers.createForRequest(connection), { legacy: 'reject', bus, responseMode: 'auto', keepAliveMs: KEEP_ALIVE_MS, maxSubscriptions: config.MAX_MCP_SESSIONS, onerror });
  }

  handle(request: Request, response: Response, body: unknown, context: CallContext): Promise<void> {
    return callContext.run(context, () => exchange(request, response, (web) => this.handler.fetch(web, { parsedBody: body }), LATE));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    await this.handler.close();
  }
}
