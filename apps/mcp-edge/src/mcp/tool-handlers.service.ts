import { type ManagementToolName, runsTurn, selectTools } from '@codex-mcp/tools';
import { type CallToolRequest, type CallToolResult, INVALID_PARAMS, type ListToolsResult, ProtocolError } from '@modelcontextprotocol/server';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { asCaller, LOCAL_PRINCIPAL } from '../access/principal.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { InputRequired } from '../invocation/input-required.js';
import type { Invocation } from '../invocation/invocation.js';
import { ToolInvoker } from '../invocation/tool-invoker.service.js';
import type { McpRequest } from './mcp-request.js';
import { takesTasks, TaskHandlers } from './task-handlers.service.js';
import { errorResult, resultOf } from './tool-results.js';

/** Management tools that begin turns. */
const STARTERS: ReadonlySet<string> = new Set<ManagementToolName>(['start', 'implement_n']);

const Resumed = z.object({ turnId: z.string() });

/** The tools, listed and called over MCP. */
@Injectable()
export class ToolHandlers {
  constructor(
    private readonly invoker: ToolInvoker,
    private readonly tasks: TaskHandlers,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {}

  /** What the token allows: a tool that is refused in any case only costs the model its attention. Where its client can ask for more, all. */
  list({ toolset, principal }: McpRequest): ListToolsResult {
    // The SDK's types want a mutable list; those of the catalogue are frozen and never change.
    const tools = selectTools(toolset, principal.mayAskForMore ? undefined : principal.scopes).listed as unknown as ListToolsResult['tools'];
    // Where a header chose, nobody else is to be given the same.
    return toolset === undefined && principal === LOCAL_PRINCIPAL ? { tools } : { tools, cacheScope: 'private' };
  }

  /** What goes wrong in a call is its result; only a tool that does not exist is an error of the protocol. */
  async call(request: McpRequest, { name, arguments: args }: CallToolRequest['params']): Promise<CallToolResult> {
    const tool = selectTools(request.toolset).find(name);
    if (!tool) throw new ProtocolError(INVALID_PARAMS, `Unknown tool: ${name.slice(0, 80)}`);
    const { principal, correlationId, onProgress, signal, ask, client, resumed } = request;
    // Programs made for the server whose tool it is take whatever comes as Codex's answer; it answered at the end only.
    const patient = tool.kind === 'drop_in';
    const [workspace, defaultAgentId] = await Promise.all([runsTurn(tool) || STARTERS.has(tool.name) ? request.workspaceOf(args) : undefined, request.defaultAgentId()]);
    // A task's result is that of its turn's own tool.
    const asTask = takesTasks(request) && tool.kind !== 'drop_in';
    const invocation: Invocation = {
      tool: name,
      arguments: args,
      protocol: 'mcp',
      caller: { ...asCaller(principal), defaultAgentId, correlationId, workspace },
      ...(onProgress && { onProgress }),
      // A client that knows tasks need not hold a connection for a long turn.
      ...((asTask || !(onProgress || patient)) && { handleAfterMs: this.config.HANDLE_AFTER }),
      signal,
      ask: client.capabilities.elicitation && ask,
      resume: Resumed.safeParse(resumed).data,
    };
    try {
      const result = await this.invoker.invoke(invocation);
      await request.rememberWorkspace(args);
      return asTask && result.isHandle ? await this.tasks.created(request, result.turnId) : resultOf(result, correlationId);
    } catch (error) {
      if (error instanceof InputRequired) throw error;
      return errorResult(error, correlationId);
    }
  }
}
