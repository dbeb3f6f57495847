import { randomUUID } from 'node:crypto';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { All, type BeforeApplicationShutdown, Controller, Inject, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { type Principal, principalOf } from '../access/principal.js';
import { PrincipalGuard } from '../access/principal.guard.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { EdgeMetrics } from '../health/edge.metrics.js';
import { isCongested } from '../http/congestion.js';
import { correlationIdOf } from '../http/correlation-id.middleware.js';
import { readJsonBody } from '../http/json-body.js';
import { callContext, contextOf, hintsOf } from './call-context.js';
import { McpServerFactory } from './mcp-server.factory.js';
import { isOfSessions, StatelessEndpoint } from './stateless.endpoint.js';
import { SessionRegistry } from './session-registry.js';

type HttpSession = { readonly principal: Principal; readonly transport: StreamableHTTPServerTransport; close(): Promise<void> };

const METHODS = ['GET', 'POST', 'DELETE'];

/** MCP over Streamable HTTP: revisions up to 2025-11-25 with sessions, 2026-07-28 without. */
@Controller('mcp')
@UseGuards(PrincipalGuard)
export class StreamableHttpController implements BeforeApplicationShutdown {
  private readonly sessions: SessionRegistry<HttpSession>;

  constructor(
    private readonly servers: McpServerFactory,
    private readonly stateless: StatelessEndpoint,
    @Inject(EDGE_CONFIG) config: EdgeConfig,
    metrics: EdgeMetrics,
  ) {
    this.sessions = new SessionRegistry({ maxSessions: config.MAX_MCP_SESSIONS, maxIdleMs: config.MCP_SESSION_IDLE, onChange: (count) => metrics.setSessions('http', count) });
  }

  @All()
  async handle(@Req() request: Request, @Res() response: Response): Promise<void> {
    if (!METHODS.includes(request.method)) {
      response.setHeader('Allow', METHODS.join(', '));
      return refuse(response, 405, -32000, 'Method not allowed.');
    }
    const principal = principalOf(response);
    const body = request.method === 'POST' ? ((await readJsonBody(request, response)) ?? null) : undefined;
    const context = contextOf(request, { principal, correlationId: correlationIdOf(response), isCongested: () => isCongested(response) });
    if (!isOfSessions(request, body)) return this.stateless.handle(request, response, body, context);
    const id = request.get('Mcp-Session-Id');
    if (id === undefined && !isInitializeRequest(body)) return refuse(response, 400, -32000, 'Bad Request: Mcp-Session-Id header is required; initialize opens a session.');
    const transport = id === undefined ? await this.open(request, principal) : this.sessions.use(id, principal)?.transport;
    if (!transport) return refuse(response, 404, -32001, 'Session not found');
    await callContext.run(context, () => transport.handleRequest(request, response, body));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.sessions.close();
  }

  private async open(request: Request, principal: Principal): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => this.sessions.add(id, { principal, transport, close: () => transport.close() }),
    });
    let isOpen = true;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport is no EventTarget
    transport.onclose = () => {
      isOpen = false;
      if (transport.sessionId !== undefined) this.sessions.delete(transport.sessionId);
    };
    const server = this.servers.create({
      era: 'sessions',
      hints: hintsOf(request),
      isOpen: () => isOpen,
      // The cancelled request gets no answer, so nothing else would end its stream.
      onCancelled: (requestId) => transport.closeSSEStream(requestId),
    });
    await server.connect(transport);
    return transport;
  }
}

function refuse(response: Response, status: number, code: number, message: string): void {
  response.status(status).json({ jsonrpc: '2.0', error: { code, message }, id: null });
}
