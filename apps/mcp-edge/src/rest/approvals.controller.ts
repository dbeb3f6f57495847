import { AppError, ApprovalDecision } from '@codex-mcp/contracts';
import type { ApprovalView, MANAGEMENT_TOOLS, OutputOf } from '@codex-mcp/tools';
import { Controller, Get, Header, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import type { Request, Response } from 'express';
import { callerOf } from '../access/principal.js';
import { PrincipalGuard } from '../access/principal.guard.js';
import { correlationIdOf } from '../http/correlation-id.middleware.js';
import { HttpProblem } from '../http/http-problem.js';
import { readJsonBody } from '../http/json-body.js';
import { ToolInvoker } from '../invocation/tool-invoker.service.js';
import { agentHintOf } from '../mcp/call-context.js';
import { AnswerBody } from './approval.schema.js';

type Outcome = OutputOf<(typeof MANAGEMENT_TOOLS)['answer_approval']>;

/** What running turns ask, over plain HTTP: the tools `list_approvals` and `answer_approval`. */
@Controller('approvals')
@UseGuards(PrincipalGuard)
export class ApprovalsController {
  constructor(private readonly invoker: ToolInvoker) {}

  /** `?agent_id=` and `?turn_id=` narrow it down. */
  @Get()
  @Header('Cache-Control', 'no-store')
  async list(@Req() request: Request, @Res({ passthrough: true }) response: Response): Promise<{ approvals: ApprovalView[] }> {
    const { agent_id: agentId, turn_id: turnId } = request.query;
    const { structured } = await this.invoke('list_approvals', { ...(typeof agentId === 'string' && { agent_id: agentId }), ...(typeof turnId === 'string' && { turn_id: turnId }) }, request, response);
    return structured as unknown as { approvals: ApprovalView[] };
  }

  /** 200 where this answer counts, 409 where an earlier one does or its time is over. */
  @Post(':id')
  @HttpCode(200)
  async answer(@Param('id') id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const body = AnswerBody.safeParse(await readJsonBody(request, response));
    if (!body.success) throw new AppError('invalid_arguments', `The body must be {"decision": one of ${ApprovalDecision.options.join(', ')}, "message": optional text}.`);
    const { structured } = await this.invoke('answer_approval', { approval_id: id, ...body.data }, request, response);
    const outcome = structured as unknown as Outcome;
    if (!outcome.answered) throw new HttpProblem(409, 'already_answered', `${id} was not answered by this: ${outcome.reason}${outcome.decision === undefined ? '' : ` The decision is ${outcome.decision}.`}`, outcome.turn_id);
    response.json(outcome);
  }

  private invoke(tool: string, args: object, request: Request, response: Response) {
    const caller = { ...callerOf(response), defaultAgentId: agentHintOf(request) ?? 'default', correlationId: correlationIdOf(response) };
    return this.invoker.invoke({ tool, arguments: args, caller, protocol: 'rest' });
  }
}
