import { AppError } from '@codex-mcp/contracts';
import { isInitializeRequest, isJsonContentType, type JSONRPCMessage, parseJSONRPCMessage, SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';
import { findTool } from '@codex-mcp/tools';
import { All, Controller, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { type Principal, principalOf } from '../access/principal.js';
import { PrincipalGuard } from '../access/principal.guard.js';
import { RequestQuota } from '../access/request-quota.service.js';
import { assertScope } from '../access/scopes.js';
import { isCongested } from '../http/congestion.js';
import { correlationIdOf } from '../http/correlation-id.middleware.js';
import { HttpProblem } from '../http/http-problem.js';
import { readJsonBody } from '../http/json-body.js';
import { asCallerError } from '../invocation/redis-outage.errors.js';
import { type CallContext, contextOf, hintsOf } from './call-context.js';
import { EventLog, STANDALONE } from './sessions/event-log.js';
import { isRequest } from './sessions/message-kind.js';
import { EventStreams } from './sessions/event-streams.js';
import { HttpSessions } from './sessions/http-sessions.service.js';
import { isPlainRequest } from './sessions/plain-request.js';
import type { SessionTransport } from './sessions/session-transport.js';
import { isOfSessions, StatelessEndpoint } from './stateless.endpoint.js';

const METHODS = ['GET', 'POST', 'DELETE'];
const MAX_BATCH = 100;
/** What a client speaks that does not say. */
const DEFAULT_VERSION = '2025-03-26';
/** Kept for each session. */
const MAX_INITIALIZE_CHARACTERS = 64 * 1024;

const Called = z.object({ method: z.literal('tools/call'), params: z.object({ name: z.string() }) });

/** A refusal as JSON-RPC has it. */
class Refusal {
  constructor(
    readonly status: number,
    readonly code: number,
    readonly message: string,
  ) {}
}

/** MCP over Streamable HTTP: revisions up to 2025-11-25 with sessions, 2026-07-28 without. */
@Controller('mcp')
@UseGuards(PrincipalGuard)
export class StreamableHttpController {
  constructor(
    private readonly sessions: HttpSessions,
    private readonly streams: EventStreams,
    private readonly log: EventLog,
    private readonly stateless: StatelessEndpoint,
    private readonly quota: RequestQuota,
  ) {}

  @All()
  async handle(@Req() request: Request, @Res() response: Response): Promise<void> {
    try {
      await this.dispatch(request, response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw asCallerError(error);
      response.status(error.status).json({ jsonrpc: '2.0', error: { code: error.code, message: error.message }, id: null });
    }
  }

  private async dispatch(request: Request, response: Response): Promise<void> {
    if (!METHODS.includes(request.method)) {
      response.setHeader('Allow', METHODS.join(', '));
      throw new Refusal(405, -32000, 'Method not allowed.');
    }
    const body = request.method === 'POST' ? ((await readJsonBody(request, response).catch(refuseBody)) ?? null) : undefined;
    const context = contextOf(request, { principal: principalOf(response), correlationId: correlationIdOf(response), isCongested: () => isCongested(response) });
    refuseTooLittle(principalOf(response), body);
    if (!isOfSessions(request, body)) return this.stateless.handle(request, response, body, context);
    if (request.method === 'POST') return this.post(request, response, body, context);
    return request.method === 'GET' ? this.get(request, response) : this.delete(request, response);
  }

  private async post(request: Request, response: Response, body: unknown, context: CallContext): Promise<void> {
    if (request.get('Mcp-Session-Id') === undefined && !isInitializeRequest(body)) throw withoutSession();
    accept(request, 'application/json', 'text/event-stream');
    if (!isJsonContentType(request.get('Content-Type') ?? null)) throw new Refusal(415, -32000, 'Unsupported Media Type: Content-Type must be application/json');
    const messages = messagesOf(body);
    await this.quota.spend(principalOf(response).tenant, messages.length - 1);
    if (request.get('Mcp-Session-Id') === undefined) return this.open(request, response, messages, context);
    if (messages.some((message) => isRequest(message) && message.method === 'initialize')) throw new Refusal(400, -32600, 'Invalid Request: Server already initialized');
    const transport = await this.sessionOf(request, response);
    transport.receive(await this.sessions.pass(transport.sessionId, transport, messages), { response, protocolVersion: versionOf(request), context });
  }

  private async open(request: Request, response: Response, messages: JSONRPCMessage[], context: CallContext): Promise<void> {
    const [initialize] = messages;
    if (!isInitializeRequest(initialize) || messages.length > 1) throw new Refusal(400, -32600, 'Invalid Request: initialize stands alone');
    if (JSON.stringify(initialize.params).length > MAX_INITIALIZE_CHARACTERS) throw new Refusal(413, -32600, 'Invalid Request: initialize is too large');
    const transport = await this.sessions.open(initialize.params, hintsOf(request), principalOf(response));
    transport.receive(messages, { response, protocolVersion: initialize.params.protocolVersion, context });
  }

  /** The stream of what the session sends of itself, or the rest of the one that Last-Event-ID names. */
  private async get(request: Request, response: Response): Promise<void> {
    if (request.get('Mcp-Session-Id') === undefined) throw withoutSession();
    accept(request, 'text/event-stream');
    const { sessionId: session } = await this.sessionOf(request, response);
    const last = request.get('Last-Event-ID');
    const place = last === undefined ? { stream: STANDALONE, cursor: await this.log.end(session, STANDALONE) } : this.log.parse(last);
    if (!place) throw new Refusal(400, -32000, 'Bad Request: Last-Event-ID is no id of an event of this session');
    await this.streams.serve(response, { session, ...place });
  }

  private async delete(request: Request, response: Response): Promise<void> {
    const { sessionId } = await this.sessionOf(request, response);
    await this.sessions.end(sessionId);
    response.status(200).end();
  }

  private async sessionOf(request: Request, response: Response): Promise<SessionTransport> {
    const id = request.get('Mcp-Session-Id');
    if (id === undefined) throw withoutSession();
    const transport = await this.sessions.find(id, principalOf(response));
    if (!transport) throw new Refusal(404, -32001, 'Session not found');
    const version = request.get('MCP-Protocol-Version');
    if (version !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) {
      throw new Refusal(400, -32000, `Bad Request: Unsupported protocol version: ${version.slice(0, 80)} (supported versions: ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')})`);
    }
    return transport;
  }
}

/** What breaks a limit or is no JSON, as JSON-RPC has it. */
function refuseBody(error: unknown): never {
  if (error instanceof AppError && error.code === 'input_too_large') throw new Refusal(413, -32600, `Invalid Request: ${error.message}`);
  if (error instanceof HttpProblem) throw new Refusal(error.status, -32700, `Parse error: ${error.message}`);
  throw error;
}

/** A client that can ask its user for more does so where the whole request is refused; a call that fails only tells the model. */
function refuseTooLittle(principal: Principal, body: unknown): void {
  const called = principal.mayAskForMore ? Called.safeParse(body).data : undefined;
  const tool = called && findTool(called.params.name);
  if (tool) assertScope(principal, tool.scope, `The tool ${tool.name}`);
}

const withoutSession = () => new Refusal(400, -32000, 'Bad Request: Mcp-Session-Id header is required; initialize opens a session.');

const versionOf = (request: Request): string => request.get('MCP-Protocol-Version') ?? DEFAULT_VERSION;

function accept(request: Request, ...types: string[]): void {
  const accepted = request.get('Accept') ?? '';
  if (!types.every((type) => accepted.includes(type))) throw new Refusal(406, -32000, `Not Acceptable: Client must accept ${types.join(' and ')}`);
}

function messagesOf(body: unknown): JSONRPCMessage[] {
  const given: unknown[] = Array.isArray(body) ? body : [body];
  if (given.length === 0 || given.length > MAX_BATCH) throw new Refusal(400, -32600, `Invalid Request: a batch holds 1 to ${MAX_BATCH} messages`);
  try {
    return given.map((message) => (isPlainRequest(message) ? message : parseJSONRPCMessage(message)));
  } catch {
    throw new Refusal(400, -32700, 'Parse error: Invalid JSON-RPC message');
  }
}
