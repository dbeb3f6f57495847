import { type JSONRPCMessage, parseJSONRPCMessage } from '@modelcontextprotocol/server';
import { AuditLog } from '@codex-mcp/observability';
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
import { asCallerError } from '../invocation/redis-outage.errors.js';
import { type CallContext, carried, contextOf, hintsOf } from './call-context.js';
import { McpServerFactory } from './mcp-server.factory.js';
import { EVENT_STREAM_HEADERS } from './sessions/post-stream.js';
import { isPlainRequest } from './sessions/plain-request.js';
import { type NoteOf, ReplicaChannel } from './sessions/replica-channel.js';
import { RunningRequests } from './sessions/running-requests.js';
import { sessionEntry } from './sessions/session.audit.js';
import { SessionRegistry } from './sessions/session-registry.js';
import { type SessionRecord, SessionStore } from './sessions/session-store.js';
import { SseTransport } from './sessions/sse-transport.js';

const KEEP_ALIVE_MS = 15_000;

/** How long a call can still be cancelled whose stream is gone: the two may come together, in either order. */
const LATE_MS = 30_000;

type SseSession = { readonly principal: Principal; readonly transport: SseTransport; readonly stream: Response; readonly running: RunningRequests; isOpen: boolean; close(): Promise<void> };

/** MCP over HTTP+SSE, revision 2024-11-05: answers go to the stream, whatever POST asked, at whatever replica. */
@Controller()
@UseGuards(PrincipalGuard)
export class SseController implements BeforeApplicationShutdown {
  private readonly sessions: SessionRegistry<SseSession>;
  /** Those that ended a moment ago with calls under way. */
  private readonly left = new Map<string, SseSession>();

  constructor(
    private readonly servers: McpServerFactory,
    private readonly store: SessionStore,
    private readonly replicas: ReplicaChannel,
    private readonly audit: AuditLog,
    @Inject(EDGE_CONFIG) config: EdgeConfig,
    metrics: EdgeMetrics,
  ) {
    // An open connection is in use, however quiet it is.
    this.sessions = new SessionRegistry({ maxSessions: config.MAX_MCP_SESSIONS, maxIdleMs: Number.MAX_SAFE_INTEGER, onChange: (count) => metrics.setSessions('sse', count) });
    replicas.on('message', (note) => this.hear(note));
  }

  @Get('sse')
  async open(@Req() request: Request, @Res() response: Response): Promise<void> {
    if (request.method === 'HEAD') return void response.set(EVENT_STREAM_HEADERS).end();
    if (response.destroyed) return; // it will not close again
    const principal = principalOf(response);
    const transport = new SseTransport('/messages', response);
    const { sessionId } = transport;
    const record: SessionRecord = { transport: 'sse', principalId: principal.id, replica: this.replicas.self, hints: hintsOf(request) };
    const session: SseSession = { principal, transport, stream: response, running: new RunningRequests(), isOpen: true, close: () => transport.close() };
    const keepAlive = setInterval(() => {
      transport.keepAlive();
      void this.announce(sessionId, record);
    }, KEEP_ALIVE_MS);
    const end = () => {
      if (!session.isOpen) return;
      session.isOpen = false;
      clearInterval(keepAlive);
      this.sessions.delete(sessionId);
      this.audit.record(sessionEntry('session.ended', sessionId, 'sse', principal));
      this.leave(sessionId, session);
    };
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport is no EventTarget
    transport.onclose = end;
    response.once('close', end); // the transport notices once it is connected
    const server = this.servers.create({ era: 'sessions', hints: record.hints, isOpen: () => session.isOpen, running: session.running });
    this.audit.record(sessionEntry('session.opened', sessionId, 'sse', principal));
    this.sessions.add(sessionId, session);
    await this.announce(sessionId, record);
    if (session.isOpen) await server.connect(transport);
    else response.end();
  }

  @Post('messages')
  async message(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { sessionId } = request.query;
    const principal = principalOf(response);
    const id = typeof sessionId === 'string' ? sessionId : '';
    const session = this.sessions.use(id, principal) ?? this.leftBy(id, principal);
    const replica = session ? this.replicas.self : await this.replicaOf(id, principal);
    if (replica === undefined) throw unknownSession();
    const message = messageOf(await readJsonBody(request, response));
    const context = contextOf(request, { principal, correlationId: correlationIdOf(response), isCongested: () => session !== undefined && isCongested(session.stream) });
    const isTaken = session ? take(session, message, context) : await this.pass(replica, id, message, context);
    if (!isTaken) throw unknownSession();
    response.status(202).send('Accepted');
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.sessions.close();
    for (const id of this.left.keys()) this.forget(id);
  }

  /** Its calls go on, and can be cancelled for a while. */
  private leave(id: string, session: SseSession): void {
    this.left.set(id, session);
    const timer = setTimeout(() => this.forget(id), LATE_MS).unref();
    session.running.whenNone(() => {
      clearTimeout(timer);
      this.forget(id);
    });
  }

  private forget(id: string): void {
    if (this.left.delete(id)) this.store.remove(id).catch(() => undefined); // it expires
  }

  private leftBy(id: string, principal: Principal): SseSession | undefined {
    const session = this.left.get(id);
    return session?.principal.id === principal.id ? session : undefined;
  }

  /** Where Redis is away, the session is known here only. */
  private announce(id: string, record: SessionRecord): Promise<unknown> {
    return this.store.add(record, id).catch(() => undefined);
  }

  private async replicaOf(id: string, principal: Principal): Promise<string | undefined> {
    const record = await this.store.find(id).catch((error: unknown) => Promise.reject(asCallerError(error)));
    return record?.transport === 'sse' && record.principalId === principal.id ? record.replica : undefined;
  }

  /** Whether the replica was there to take it. */
  private pass(replica: string, session: string, message: JSONRPCMessage, context: CallContext): Promise<boolean> {
    const { principal, correlationId, agentHint, workspaceHint, toolset } = context;
    return this.replicas.tell(replica, { type: 'message', session, message, context: { correlationId, scopes: [...principal.scopes], agentHint, workspaceHint, toolset } });
  }

  /** A message that another replica was given, which has looked at its principal. */
  private hear({ session: id, message, context }: NoteOf<'message'>): void {
    const session = this.sessions.peek(id) ?? this.left.get(id);
    if (!session || !context) return;
    const { correlationId, scopes, agentHint, workspaceHint, toolset } = context;
    // The scopes of the token that came with this message, which the one that opened the session may have had or not. An edge that knows
    // of none knows only tokens of the file, where the same principal is the same token: its own scopes here, fewer than it had there.
    const principal = scopes ? { ...session.principal, scopes: new Set(scopes) } : session.principal;
    take(session, message as JSONRPCMessage, { principal, correlationId, agentHint, workspaceHint, toolset, isCongested: () => isCongested(session.stream) });
  }
}

/** False for what a session that has ended does not take. */
function take({ isOpen, transport, running }: SseSession, message: JSONRPCMessage, context: CallContext): boolean {
  if (!isOpen) return running.takeLate(message);
  transport.onmessage?.(message, { authInfo: carried(context) });
  return true;
}

const unknownSession = () => new HttpProblem(404, 'unknown_session', 'There is no such session. Open a new one with GET /sse.');

function messageOf(body: unknown): JSONRPCMessage {
  try {
    return isPlainRequest(body) ? body : parseJSONRPCMessage(body);
  } catch {
    throw new HttpProblem(400, 'malformed_message', 'The request body is not a JSON-RPC message.');
  }
}
