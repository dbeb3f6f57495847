import { AppError } from '@codex-mcp/contracts';
import { findTool, type ListedTool, runsTurn, selectTools } from '@codex-mcp/tools';
import { Controller, Get, Header, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { callerOf, principalOf } from '../access/principal.js';
import { PrincipalGuard } from '../access/principal.guard.js';
import { correlationIdOf } from '../http/correlation-id.middleware.js';
import { HttpProblem } from '../http/http-problem.js';
import { readJsonBody } from '../http/json-body.js';
import { ToolInvoker } from '../invocation/tool-invoker.service.js';
import type { Invocation } from '../invocation/invocation.js';
import { startedTurn } from '../management/turn-start.service.js';
import { agentHintOf, workspaceHintOf } from '../mcp/call-context.js';
import { answerFormOf, jobPath, type RestResult } from './job.js';
import { TurnEventStreams } from './turn-event-streams.service.js';

const MAX_KEY_CHARACTERS = 200;

/** The tools over plain HTTP. A caller that disconnects does not cancel its turn. */
@Controller('tools')
@UseGuards(PrincipalGuard)
export class ToolsController {
  constructor(
    private readonly invoker: ToolInvoker,
    private readonly streams: TurnEventStreams,
  ) {}

  @Get()
  list(@Res({ passthrough: true }) response: Response): { tools: readonly ListedTool[] } {
    return { tools: selectTools(undefined, principalOf(response).scopes).listed };
  }

  /** 200 with the result; `Prefer: respond-async` → 202 with a job; `Accept: text/event-stream` → the turn's events. */
  @Post(':name')
  @HttpCode(200)
  async call(@Param('name') name: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const args = await readJsonBody(request, response);
    const form = runsTurn(findTool(name)) ? answerFormOf(request) : 'result';
    if (form === 'result') return void response.json(await this.invoke(name, args, request, response));
    const admitted = await this.invoker.start(this.invocation(name, args, request, response));
    const { turnId } = admitted.request;
    response.setHeader('Location', jobPath(turnId));
    if (form === 'stream') return this.streams.send(response, turnId);
    const job = { ...startedTurn(admitted), job: jobPath(turnId), events: `${jobPath(turnId)}/events` };
    return void response.status(202).set('Preference-Applied', 'respond-async').json(job);
  }

  /** For tools that need neither arguments nor Codex; the query is what they take. What changes something is no GET of a browser, which any page can have it send. */
  @Get(':name')
  @Header('Cache-Control', 'no-store')
  async look(@Param('name') name: string, @Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<RestResult> {
    const tool = findTool(name);
    if (tool && (runsTurn(tool) || (!tool.annotations.readOnlyHint && isOfBrowser(request)))) {
      response.setHeader('Allow', 'POST');
      throw new HttpProblem(405, 'method_not_allowed', `Call this tool with POST /tools/${tool.name}, its arguments as a JSON object in the body.`);
    }
    const { agent_id: agentId } = request.query;
    return this.invoke(name, typeof agentId === 'string' ? { agent_id: agentId } : {}, request, response);
  }

  private async invoke(name: string, args: unknown, request: Request, response: Response): Promise<RestResult> {
    const { structured, text, turnId } = await this.invoker.invoke(this.invocation(name, args, request, response));
    return { structuredContent: structured, content: [{ type: 'text', text }], ...(turnId !== undefined && { turn_id: turnId }) };
  }

  private invocation(name: string, args: unknown, request: Request, response: Response): Invocation {
    if (!findTool(name)) throw new AppError('unknown_tool', 'There is no such tool; GET /tools lists them.');
    const idempotencyKey = keyOf(request);
    return {
      tool: name,
      arguments: args ?? {},
      protocol: 'rest',
      caller: { ...callerOf(response), defaultAgentId: agentHintOf(request) ?? 'default', correlationId: correlationIdOf(response), workspace: restWorkspace(request) },
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
  }
}

/** No page can leave out what its browser says of itself, nor choose it for a request that is sent without asking. */
const isOfBrowser = ({ headers }: Request): boolean =>
  ['sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest', 'origin', 'referer'].some((name) => name in headers) || /mozilla/i.test(headers['user-agent'] ?? '');

function restWorkspace(request: Request): { path: string } | undefined {
  const path = workspaceHintOf(request);
  return path === undefined ? undefined : { path };
}

function keyOf(request: Request): string | undefined {
  const key = request.get('Idempotency-Key')?.trim();
  if (key !== undefined && key.length > MAX_KEY_CHARACTERS) throw new AppError('invalid_arguments', `The header Idempotency-Key must be at most ${MAX_KEY_CHARACTERS} characters.`);
  return key === '' ? undefined : key;
}
