import { slugAgentId, toErrorBody } from '@codex-mcp/contracts';
import { findTool, listTools } from '@codex-mcp/tools';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  type Implementation,
  ListToolsRequestSchema,
  type ListToolsResult,
  McpError,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import { Inject, Injectable } from '@nestjs/common';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, EDGE_PROCESS, type EdgeProcess } from '../edge.tokens.js';
import type { ToolResult } from '../invocation/invocation.js';
import { ToolInvoker } from '../invocation/tool-invoker.service.js';
import { turnIdOf } from '../invocation/turn.errors.js';
import { callContext } from './call-context.js';
import { SessionWorkspaces } from './session-workspaces.js';

const INSTRUCTIONS = [
  'Codex as a colleague. plan, implement, review, fix, chat, audit and debug run in the workspace of a persistent agent that keeps its files and its conversation between calls; pass what it cannot know as arguments.',
  'Calls without agent_id go to the agent of this connection. Another agent_id is another agent with its own workspace and conversation; calls to one agent run one after the other, to several at the same time.',
  'Turns can take minutes. A call that is answered with a status of queued or running and a turn_id is not finished: get_turn waits for its result; repeating the call would do the work twice. start begins a turn without waiting for it, steer adds a message to a running one, cancel ends it, list_turns shows what ran.',
  'list_sessions, get_agent_status and health_check say what is going on.',
].join('\n');

/** The SDK builds one per server otherwise, for elicitations that this server never asks for. */
const validator = new AjvJsonSchemaValidator();

// The SDK's types want a mutable list; the catalogue is frozen and never changes.
const TOOL_LIST = { tools: listTools() as unknown as ListToolsResult['tools'] };

export type McpSession = {
  /** The agent that the session's first request asked for. */
  readonly agentHint: string | undefined;
  /** The directory that the session's first request asked for. */
  readonly workspaceHint: string | undefined;
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
    private readonly invoker: ToolInvoker,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
    @Inject(EDGE_PROCESS) self: EdgeProcess,
  ) {
    this.info = { name: 'codex-mcp', title: 'Codex agents', version: self.version };
  }

  create(session: McpSession): Server {
    const server = new Server(this.info, { capabilities: { tools: {} }, instructions: INSTRUCTIONS, jsonSchemaValidator: validator });
    const workspaces = new SessionWorkspaces(server);
    server.setRequestHandler(ListToolsRequestSchema, () => TOOL_LIST);
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
      if (!findTool(params.name)) throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name.slice(0, 80)}`);
      const context = callContext.getStore();
      if (!context) throw new Error('a message arrived outside of a request');
      const { _meta: meta } = params;
      const token = meta?.progressToken;
      let progress = 0;
      const notify = (message: string) => {
        if (context.isCongested()) return;
        const notification = { method: 'notifications/progress' as const, params: { progressToken: token ?? '', progress: ++progress, message } };
        extra.sendNotification(notification).catch(() => undefined); // the client is gone; its turn goes on
      };
      const result = await this.call({
        tool: params.name,
        arguments: params.arguments,
        caller: {
          tenant: context.principal.tenant,
          defaultAgentId: context.agentHint ?? session.agentHint ?? slugAgentId(server.getClientVersion()?.name ?? ''),
          correlationId: context.correlationId,
          workspace: await workspaces.of(params.arguments, context.workspaceHint ?? session.workspaceHint, extra),
        },
        ...(token === undefined ? { handleAfterMs: this.config.HANDLE_AFTER } : { onProgress: notify }),
        signal: cancellation(extra.signal, session, extra.requestId),
      });
      if (!result.isError) workspaces.remember(params.arguments);
      return result;
    });
    return server;
  }

  private async call(invocation: Parameters<ToolInvoker['invoke']>[0]): Promise<CallToolResult> {
    const { correlationId } = invocation.caller;
    try {
      return resultOf(await this.invoker.invoke(invocation), correlationId);
    } catch (error) {
      return errorResult(error, correlationId);
    }
  }
}

function resultOf({ structured, text, turnId }: ToolResult, correlationId: string): CallToolResult {
  return {
    structuredContent: structured,
    content: [{ type: 'text', text }],
    _meta: { 'codex-mcp/correlationId': correlationId, ...(turnId !== undefined && { 'codex-mcp/turnId': turnId }) },
  };
}

function errorResult(thrown: unknown, correlationId: string): CallToolResult {
  const error = toErrorBody(thrown);
  const turnId = turnIdOf(thrown);
  return {
    isError: true,
    content: [
      { type: 'text', text: `${error.code}: ${error.message}` },
      { type: 'text', text: JSON.stringify({ error, turn_id: turnId }, null, 2) },
    ],
    _meta: { 'codex-mcp/error': error, 'codex-mcp/correlationId': correlationId, ...(turnId !== undefined && { 'codex-mcp/turnId': turnId }) },
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
