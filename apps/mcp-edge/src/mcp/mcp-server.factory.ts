import { fromJsonSchema, type Implementation, McpServer, type Notification, type RequestId, type RequestMethod, SdkError, SdkErrorCode, Server, type ServerContext, type ServerOptions } from '@modelcontextprotocol/server';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import { audited, AuditLog } from '@codex-mcp/observability';
import { Inject, Injectable } from '@nestjs/common';
import type { JsonObject } from '@codex-mcp/tools';
import { z } from 'zod';
import { EDGE_PROCESS, type EdgeProcess } from '../edge.tokens.js';
import { InputRequired } from '../invocation/input-required.js';
import { beatsOf, ServiceStatus } from '../invocation/service-status.service.js';
import { askByAnswering, askInSession, asResult } from './asking.js';
import { contextIn } from './call-context.js';
import { defaultAgentOf } from './default-agent.js';
import { SERVER_ICONS } from './icons.js';
import { MCP_SERVICE, type McpService } from './mcp-handlers.service.js';
import type { Era, McpRequest } from './mcp-request.js';
import { RequestStates } from './request-state.js';
import type { RunningRequests } from './sessions/running-requests.js';
import { directoriesInMemory, type NamedDirectories, SessionWorkspaces } from './sessions/session-workspaces.js';

/** A client that has roots answers at once, but may be busy. */
const ROOTS_TIMEOUT_MS = 10_000;

/** The SDK builds one per server otherwise. */
const validator = new AjvJsonSchemaValidator();

export type McpConnection = {
  readonly era: Era;
  /** What the session's first request asked for. */
  readonly hints: { readonly agent?: string | undefined; readonly workspace?: string | undefined; readonly toolset?: string | undefined };
  /** Undefined where nothing is remembered. */
  readonly directories?: NamedDirectories;
  /** False once a session's connection is gone, or this process ends: what then looks like a cancellation is none. */
  readonly isOpen: () => boolean;
  /** Told of each request while it has no answer. */
  readonly running?: RunningRequests;
  /** Called when the client has cancelled a request, which gets no answer then. */
  readonly onCancelled?: (requestId: RequestId) => void;
};

/** How long clients may keep what hardly ever changes. */
const LISTING_CACHE = { ttlMs: 300_000, cacheScope: 'public' as const };
const CACHE_HINTS = {
  'server/discover': LISTING_CACHE,
  'tools/list': LISTING_CACHE,
  'prompts/list': LISTING_CACHE,
  'resources/templates/list': LISTING_CACHE,
  'resources/list': { ttlMs: 1000, cacheScope: 'private' as const },
  'resources/read': { ttlMs: 1000, cacheScope: 'private' as const },
};

const Loose = z.looseObject({});

/** What gives away, or changes, something of agents and turns beside tools, whose calls are audited where they are made. */
const AUDITED_METHODS = /^(resources\/(read|subscribe)|tasks\/.*)$/;
const Named = z.object({ uri: z.string().optional(), taskId: z.string().optional() });

type Handler = (request: McpRequest, params: unknown) => Promise<never>;

/** Makes one protocol server per session or request: sharing one has leaked answers between clients. */
@Injectable()
export class McpServerFactory {
  private readonly info: Implementation;

  constructor(
    @Inject(MCP_SERVICE) private readonly service: McpService,
    private readonly states: RequestStates,
    private readonly status: ServiceStatus,
    private readonly audit: AuditLog,
    @Inject(EDGE_PROCESS) self: EdgeProcess,
  ) {
    this.info = { name: 'codex-mcp', title: 'Codex agents', version: self.version, icons: SERVER_ICONS };
  }

  create(connection: McpConnection): Server {
    return this.equip(new Server(this.info, this.optionsFor(connection)), connection);
  }

  /** For one request that stands alone. */
  createForRequest(connection: McpConnection): Server | McpServer {
    const { headerTools = {} } = this.service;
    if (Object.keys(headerTools).length === 0) return this.create(connection);
    // Only this class of the SDK's has its headers compared with the arguments that they repeat.
    const checked = new McpServer(this.info, this.optionsFor(connection));
    for (const [name, schema] of Object.entries(headerTools)) checked.registerTool(name, { inputSchema: fromJsonSchema(schema) }, () => ({ content: [] }));
    this.equip(checked.server, connection);
    return checked;
  }

  private optionsFor({ era }: McpConnection): ServerOptions {
    const { capabilities, instructions, extensions } = this.service;
    return {
      capabilities: era === 'stateless' ? { ...capabilities, extensions: Object.fromEntries(Object.keys(extensions).map((name) => [name, {}])) } : capabilities,
      instructions,
      jsonSchemaValidator: validator,
      cacheHints: CACHE_HINTS,
      requestState: { verify: (sealed, context) => this.states.open(sealed, context) },
    };
  }

  private equip(server: Server, connection: McpConnection): Server {
    const { methods, extensions } = this.service;
    const workspaces = new SessionWorkspaces(connection.directories ?? directoriesInMemory());
    server.setNotificationHandler('notifications/roots/list_changed', () => workspaces.forgetRoots());
    const ended = new AbortController();
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a server is no EventTarget
    server.onclose = () => ended.abort();
    const session = connection.era === 'sessions' ? { notify: (notification: Notification) => void server.notification(notification).catch(() => undefined), ended: ended.signal } : undefined;
    const serve = async (method: string, handle: Handler, params: unknown, context: ServerContext) => {
      const cancelled = cancellation(context.mcpReq.signal, connection, context.mcpReq.id);
      connection.running?.begin(context.mcpReq.id, cancelled);
      try {
        return await this.audited(method, params, handle)({ ...requestOf(server, connection, { workspaces, allowedRoots: () => this.allowedRoots() }, context), signal: cancelled.signal, ...(session && { session }) }, params ?? {});
      } catch (error) {
        if (error instanceof InputRequired) return await asResult(error, this.states, context);
        throw error;
      } finally {
        connection.running?.end(context.mcpReq.id, cancelled);
      }
    };
    for (const [method, handle] of Object.entries(methods) as [RequestMethod, Handler][]) server.setRequestHandler(method, ({ params }, context) => serve(method, handle, params, context));
    if (connection.era === 'sessions') return server;
    for (const [method, handle] of Object.values(extensions).flatMap((offered) => Object.entries(offered) as [string, Handler][])) {
      server.setRequestHandler(method, { params: Loose, result: Loose }, (params, context) => serve(method, handle, params, context));
    }
    return server;
  }

  private audited(method: string, params: unknown, handle: Handler): Handler {
    if (!AUDITED_METHODS.test(method)) return handle;
    const { uri, taskId } = Named.safeParse(params).data ?? {};
    return (request, given) => {
      const { principal, correlationId } = request;
      return audited(this.audit, { action: 'mcp.request', tenant: principal.tenant, principal: principal.id, turnId: taskId, correlationId, detail: { method, uri } }, () => handle(request, given));
    };
  }

  /** Host directories that agents may work on; undefined while no supervisor says so. */
  private async allowedRoots(): Promise<readonly string[] | undefined> {
    const supervisors = beatsOf(await this.status.heartbeats().catch(() => []), 'supervisor');
    return supervisors.length === 0 ? undefined : supervisors.flatMap(({ workspaceRoots }) => workspaceRoots);
  }
}

type Directories = { readonly workspaces: SessionWorkspaces; readonly allowedRoots: () => Promise<readonly string[] | undefined> };

function requestOf(server: Server, connection: McpConnection, { workspaces, allowedRoots }: Directories, context: ServerContext): Omit<McpRequest, 'signal'> {
  const { mcpReq, sessionId, http } = context;
  const call = contextIn(http?.authInfo);
  const { era, hints } = connection;
  const { name = '', version = '' } = server.getClientVersion() ?? {};
  const capabilities = server.getClientCapabilities() ?? {};
  const workspaceHint = call.workspaceHint ?? hints.workspace;
  const rootsOf = era === 'sessions' && capabilities.roots ? () => listRoots(context) : undefined;
  const token = mcpReq._meta?.progressToken;
  const state: unknown = mcpReq.requestState();
  let progress = 0;
  const notify: McpRequest['notify'] = (notification) => {
    if (!call.isCongested()) mcpReq.notify(notification).catch(() => undefined); // the client is gone; its turn goes on
  };
  return {
    era,
    client: { name, version, capabilities },
    principal: call.principal,
    correlationId: call.correlationId,
    sessionId,
    defaultAgentId: async () => call.agentHint ?? hints.agent ?? defaultAgentOf(name, await workspaces.directory(workspaceHint, rootsOf, allowedRoots)),
    toolset: call.toolset ?? hints.toolset,
    workspaceOf: (args) => workspaces.of(args, workspaceHint, rootsOf),
    rememberWorkspace: (args) => workspaces.remember(args),
    ...(token !== undefined && { onProgress: (message) => notify({ method: 'notifications/progress', params: { progressToken: token, progress: ++progress, message } }) }),
    log: (level, data) => void (call.isCongested() || mcpReq.log(level, data).catch(() => undefined)),
    notify,
    ask: era === 'sessions' ? askInSession(context) : askByAnswering(context),
    answers: mcpReq.inputResponses ?? {},
    ...(typeof state === 'object' && state !== null && { resumed: state as JsonObject }),
    ...(http?.closeSSE && { detach: http.closeSSE }),
  };
}

/** On the stream of this call: a client need not have another one open. None where it keeps silent: waiting again would delay each of its calls. */
async function listRoots({ mcpReq }: ServerContext): Promise<string[]> {
  try {
    const { roots } = await mcpReq.send({ method: 'roots/list' }, { timeout: ROOTS_TIMEOUT_MS });
    return roots.map(({ uri }) => uri);
  } catch (error) {
    if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout) return [];
    throw error;
  }
}

/** The SDK aborts a request when its client cancels it and when the connection ends; in a session only the former is meant. */
function cancellation(aborted: AbortSignal, connection: McpConnection, requestId: RequestId): AbortController {
  const cancelled = new AbortController();
  aborted.addEventListener(
    'abort',
    () => {
      if (!connection.isOpen()) return;
      cancelled.abort(aborted.reason);
      connection.onCancelled?.(requestId);
    },
    { once: true },
  );
  return cancelled;
}
