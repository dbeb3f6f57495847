import { AppError } from '@codex-mcp/contracts';
import { findTool, listTools } from '@codex-mcp/tools';
import { Controller, Get, Header, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { principalOf } from '../access/principal.js';
import { PrincipalGuard } from '../access/principal.guard.js';
import { correlationIdOf } from '../http/correlation-id.middleware.js';
import { HttpProblem } from '../http/http-problem.js';
import { readJsonBody } from '../http/json-body.js';
import { ToolInvoker } from '../invocation/tool-invoker.service.js';
import { agentHintOf } from '../mcp/call-context.js';

type RestResult = { structuredContent: object; content: { type: 'text'; text: string }[]; turn_id?: string };

/** The tools over plain HTTP. A caller that disconnects does not cancel its turn. */
@Controller('tools')
@UseGuards(PrincipalGuard)
export class ToolsController {
  constructor(private readonly invoker: ToolInvoker) {}

  @Get()
  list(): { tools: ReturnType<typeof listTools> } {
    return { tools: listTools() };
  }

  @Post(':name')
  @HttpCode(200)
  async call(@Param('name') name: string, @Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<RestResult> {
    return this.invoke(name, await readJsonBody(request, response), request, response);
  }

  /** For tools that need no arguments and no Codex; the query is what they take. */
  @Get(':name')
  @Header('Cache-Control', 'no-store')
  async look(@Param('name') name: string, @Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<RestResult> {
    if (findTool(name)?.kind === 'turn') {
      response.setHeader('Allow', 'POST');
      throw new HttpProblem(405, 'method_not_allowed', `${name} takes POST with its arguments as a JSON object.`);
    }
    const { agent_id: agentId } = request.query;
    return this.invoke(name, typeof agentId === 'string' ? { agent_id: agentId } : {}, request, response);
  }

  private async invoke(name: string, args: unknown, request: Request, response: Response): Promise<RestResult> {
    if (!findTool(name)) throw new AppError('unknown_tool', 'There is no such tool; GET /tools lists them.');
    const { structured, text, turnId } = await this.invoker.invoke({
      tool: name,
      arguments: args ?? {},
      caller: { tenant: principalOf(response).tenant, defaultAgentId: agentHintOf(request) ?? 'default', correlationId: correlationIdOf(response) },
    });
    return { structuredContent: structured, content: [{ type: 'text', text }], ...(turnId !== undefined && { turn_id: turnId }) };
  }
}
