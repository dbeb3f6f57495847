import { findTool, renderOutput } from '@codex-mcp/tools';
import { Controller, Delete, Get, Header, HttpCode, Param, Req, Res, UseGuards, UseInterceptors } from '@nestjs/common';
import type { Request, Response } from 'express';
import { principalOf } from '../access/principal.js';
import { PrincipalGuard } from '../access/principal.guard.js';
import { AuditedRequests } from '../audit/audited-requests.interceptor.js';
import { assertScope } from '../access/scopes.js';
import { ApprovalDesk } from '../approvals/approval-desk.service.js';
import { HttpProblem } from '../http/http-problem.js';
import { asCallerError } from '../invocation/redis-outage.errors.js';
import { TurnCanceller } from '../invocation/turn-canceller.service.js';
import { TurnLookup } from '../invocation/turn-lookup.service.js';
import { endOf, viewOf } from '../management/turn-reading.service.js';
import { jobPath } from './job.js';
import { TurnEventStreams } from './turn-event-streams.service.js';

const CURSOR = /^\d{1,15}-\d{1,15}$/;

/** Turns over plain HTTP, while they run and for a day after. */
@Controller('jobs')
@UseGuards(PrincipalGuard)
@UseInterceptors(AuditedRequests)
export class JobsController {
  constructor(
    private readonly lookup: TurnLookup,
    private readonly canceller: TurnCanceller,
    private readonly approvals: ApprovalDesk,
    private readonly streams: TurnEventStreams,
  ) {}

  @Get(':id')
  @Header('Cache-Control', 'no-store')
  async get(@Param('id') id: string, @Res({ passthrough: true }) response: Response): Promise<object> {
    const record = await this.find(id, response);
    const { result, error } = endOf(record);
    const tool = findTool(record.request.tool);
    return {
      ...viewOf(record),
      events: `${jobPath(id)}/events`,
      ...(await this.guarded(this.approvals.pending(record))),
      ...(result && { result: { structuredContent: result, content: tool ? [{ type: 'text', text: renderOutput(tool, result) }] : [] } }),
      ...(error && { error }),
    };
  }

  /** Server-sent events from the turn's beginning, or after Last-Event-ID; 204 when the end had been received. */
  @Get(':id/events')
  async events(@Param('id') id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    await this.find(id, response);
    const after = request.get('Last-Event-ID');
    if (after !== undefined && !CURSOR.test(after)) throw new HttpProblem(400, 'malformed_cursor', 'Last-Event-ID must be the id of an event of this stream.');
    await this.streams.send(response, id, after);
  }

  @Delete(':id')
  @HttpCode(202)
  async cancel(@Param('id') id: string, @Res({ passthrough: true }) response: Response): Promise<object> {
    assertScope(principalOf(response), 'run', 'Cancelling a turn');
    const { request, status } = await this.find(id, response);
    const outcome = await this.guarded(this.canceller.cancel(request));
    if (outcome === 'cancelled' || outcome === 'requested') return { turn_id: id, status: outcome === 'cancelled' ? 'cancelled' : status, cancel: outcome };
    throw new HttpProblem(409, 'already_ended', `${id} has already ended; GET ${jobPath(id)} says how.`, id);
  }

  private find(id: string, response: Response) {
    return this.guarded(this.lookup.find(principalOf(response).tenant, id));
  }

  private async guarded<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw asCallerError(error);
    }
  }
}
