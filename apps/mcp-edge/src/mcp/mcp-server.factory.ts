import { slugAgentId } from '@codex-mcp/contracts';
import { type Implementation, type RequestId, type RequestMethod, Server, type ServerContext } from '@modelcontextprotocol/server';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import { Inject, Injectable } from '@nestjs/common';
import { EDGE_PROCESS, type EdgeProcess } from '../edge.tokens.js';
import { callContext } from './call-context.js';
import { McpHandlers } from './mcp-handlers.service.js';
import type { McpRequest } from './mcp-request.js';
import { SessionWorkspaces } from './session-workspaces.js';

const ROOTS_TIMEOUT_MS = 2000;

/** The SDK builds one per server otherwise, for elicitations that this server never asks for. */
const validator = new AjvJsonSchemaValidator();

export type McpSession = {
  /** What the session's first request asked for. */
  readonly hints: { readonly agent: string | undefined; readonly workspace: string | undefined; readonly toolset: string | undefined };
  /** False once the connection is gone: what then looks like a cancellation is none. */
  readonly isOpen: () => boolean;
  /** Called when the client has cancelled a request, which gets no answer then. */
  readonly onCancelled?: (requestId: RequestId) => void;
};

/** Makes one protocol server per session: sharing one has leaked answers between clients. */
@Injectable()
export class McpServerFactory {
  private readonly info: Implementation;

  constructor(
    private readonly handlers: McpHandlers,
    @Inject(EDGE_PROCESS) self: EdgeProcess,
  ) {
    this.info = { name: 'codex-mcp', title: 'Codex agents', version: self.version };
  }

  create(session: McpSession): Server {
    const { capabilities, instructions, methods } = this.handlers;
    const server = new Server(this.info, { capabilities, instructions, jsonSchemaValidator: validator });
    const workspaces = new SessionWorkspaces();
    server.setNotificationHandler('notifications/roots/list_changed', () => workspaces.forgetRoots());
    for (const [method, handle] of Object.entries(methods) as [RequestMethod, (request: McpRequest, params: unknown) => never][]) {
      server.setRequestHandler(method, ({ params }, context) => handle(requestOf(server, session, workspaces, context), params ?? {}));
    }
    return server;
  }
}

function requestOf(server: Server, session: McpSession, workspaces: SessionWorkspaces, { mcpReq, sessionId }: ServerContext): McpRequest {
  const call = callContext.getStore();
  if (!call) throw new Error('a message arrived outside of a request');
  const { name = '', version = '' } = server.getClientVersion() ?? {};
  const capabilities = server.getClientCapabilities() ?? {};
  const token = mcpReq._meta?.progressToken;
  let progress = 0;
  const notify: McpRequest['notify'] = (notification) => {
    if (!call.isCongested()) mcpReq.notify(notification).catch(() => undefined); // the client is gone; its turn goes on
  };
  // On the stream of this call: a client need not have another one open.
  const listRoots = async () => (await mcpReq.send({ method: 'roots/list' }, { timeout: ROOTS_TIMEOUT_MS })).roots.map(({ uri }) => uri);
  return {
    era: 'sessions',
    client: { name, version, capabilities },
    principal: call.principal,
    correlationId: call.correlationId,
    sessionId,
    defaultAgentId: call.agentHint ?? session.hints.agent ?? slugAgentId(name),
    toolset: call.toolset ?? session.hints.toolset,
    workspaceOf: (args) => workspaces.of(args, call.workspaceHint ?? session.hints.workspace, capabilities.roots && listRoots),
    rememberWorkspace: (args) => workspaces.remember(args),
    ...(token !== undefined && { onProgress: (message) => notify({ method: 'notifications/progress', params: { progressToken: token, progress: ++progress, message } }) }),
    notify,
    signal: cancellation(mcpReq.signal, session, mcpReq.id),
  };
}

/** The SDK aborts a request when its client cancels it and when the connection ends; only the former is meant. */
function cancellation(aborted: AbortSignal, session: McpSession, requestId: RequestId): AbortSignal {
  const cancelled = new AbortController();
  aborted.addEventListener(
    'abort',
    () => {
      if (!session.isOpen()) return;
      cancelled.abort(aborted.reason);
      session.onCancelled?.(requestId);
    },
    { once: true },
  );
  return cancelled.signal;
}
