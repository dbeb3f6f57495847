import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { type BeforeApplicationShutdown, Controller, Get, Inject, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { type Principal, principalOf } from '../access/principal.js';
import { PrincipalGuard } from '../access/principal.guard.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { EdgeMetrics } from '../health/edge.metrics.js';
import { correlationIdOf } from '../http/correlation-id.middleware.js';
import { HttpProblem } from '../http/http-problem.js';
import { readJsonBody } from '../http/json-body.js';
import { isCongested } from '../http/congestion.js';
import { callContext, contextOf, hintsOf } from './call-context.js';
import { McpServerFactory } from './mcp-server.factory.js';
import { SessionRegistry } from './session-registry.js';

const KEEP_ALIVE_MS = 15_000;

type SseSession = { readonly principal: Principal; readonly transport: SSEServerTransport; readonly stream: Response; close(): Promise<void> };

/** MCP over HTTP+SSE, revision 2024-11-05: answers go to the stream, whatever POST asked. */
@Controller()
@UseGuards(PrincipalGuard)
export class SseController implements BeforeApplicationShutdown {
  private readonly sessions: SessionRegistry<SseSession>;

  constructor(
    private readonly servers: McpServerFactory,
    @Inject(EDGE_CONFIG) config: EdgeConfig,
    metrics: EdgeMetrics,
  ) {
    // An open connection is in use, however quiet it is.
    this.sessions = new SessionRegistry({ maxSessions: config.MAX_MCP_SESSIONS, maxIdleMs: Number.MAX_SAFE_INTEGER, onChange: (count) => metrics.setSessions('sse', count) });
  }

  @Get('sse')
  async open(@Req() request: Request, @Res() response: Response): Promise<void> {
    response.setHeader('X-Accel-Buffering', 'no');
    if (request.method === 'HEAD') return void response.type('text/event-stream').end();
    const transport = new SSEServerTransport('/messages', response);
    let isOpen = true;
    const keepAlive = setInterval(() => response.write(': keep-alive\n\n'), KEEP_ALIVE_MS);
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport is no EventTarget
    transport.onclose = () => {
      isOpen = false;
      clearInterval(keepAlive);
      this.sessions.delete(transport.sessionId);
    };
    const server = this.servers.create({ era: 'sessions', hints: hintsOf(request), isOpen: () => isOpen });
    this.sessions.add(transport.sessionId, { principal: principalOf(response), transport, stream: response, close: () => transport.close() });
    await server.connect(transport);
  }

  @Post('messages')
  async message(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { sessionId } = request.query;
    const principal = principalOf(response);
    const session = typeof sessionId === 'string' ? this.sessions.use(sessionId, principal) : undefined;
    if (!session) throw new HttpProblem(404, 'unknown_session', 'There is no such session here. Open a new one with GET /sse.');
    const message = await readJsonBody(request, response);
    const context = contextOf(request, { principal, correlationId: correlationIdOf(response), isCongested: () => isCongested(session.stream) });
    try {
      await callContext.run(context, () => session.transport.handleMessage(message));
    } catch {
      throw new HttpProblem(400, 'malformed_message', 'The request body is not a JSON-RPC message.');
    }
    response.status(202).send('Accepted');
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.sessions.close();
  }
}
