import { classifyInboundRequest, createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import type { Logger } from '@codex-mcp/observability';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../edge.tokens.js';
import { exchange } from '../http/web-exchange.js';
import { type CallContext, callContext } from './call-context.js';
import { McpServerFactory } from './mcp-server.factory.js';

/** Comments, for proxies; progress is what clients count as a sign of life. */
const KEEP_ALIVE_MS = 15_000;

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
  /** Begins its answers at once: a client waits less long for headers than for progress. */
  private readonly calls: McpHttpHandler;
  private readonly others: McpHttpHandler;
  private isClosing = false;

  constructor(
    servers: McpServerFactory,
    @Inject(EDGE_CONFIG) config: EdgeConfig,
    @Inject(LOGGER) logger: Logger,
  ) {
    const connection = { era: 'stateless' as const, hints: {}, isOpen: () => !this.isClosing };
    const onerror = (error: Error) => logger.debug({ err: error }, 'an MCP request was refused');
    const handler = (responseMode: 'sse' | 'auto') =>
      createMcpHandler(() => servers.create(connection), { legacy: 'reject', responseMode, keepAliveMs: KEEP_ALIVE_MS, maxSubscriptions: config.MAX_MCP_SESSIONS, onerror });
    this.calls = handler('sse');
    this.others = handler('auto');
  }

  handle(request: Request, response: Response, body: unknown, context: CallContext): Promise<void> {
    const isCall = typeof body === 'object' && body !== null && 'method' in body && body.method === 'tools/call';
    const handler = isCall ? this.calls : this.others;
    return callContext.run(context, () => exchange(request, response, (web) => handler.fetch(web, { parsedBody: body })));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    await Promise.all([this.calls, this.others].map((handler) => handler.close()));
  }
}
