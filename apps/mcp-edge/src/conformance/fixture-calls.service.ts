import { agentKey, AppError, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { TurnLogReader } from '@codex-mcp/messaging';
import type { JsonObject } from '@codex-mcp/tools';
import { type CallToolRequest, type CallToolResult, ProtocolError } from '@modelcontextprotocol/server';
import { Injectable } from '@nestjs/common';
import { InputRequired } from '../invocation/input-required.js';
import { TurnAdmission } from '../invocation/turn-admission.service.js';
import { TurnCanceller } from '../invocation/turn-canceller.service.js';
import { TurnWatch } from '../invocation/turn-watch.js';
import type { McpRequest } from '../mcp/mcp-request.js';
import { McpEvents } from '../mcp/sessions/mcp-events.js';
import { missingTasks, takesTasks } from '../mcp/task-handlers.service.js';
import { errorResult } from '../mcp/tool-results.js';
import { FixtureTasks } from './fixture-tasks.service.js';
import type { FixtureTool } from './fixture-tools.js';
import { FixtureEnd, sayingOf } from './fixture-turn.js';

type Round = { readonly answers: Readonly<Record<string, unknown>>; readonly state: JsonObject | undefined };

/** Calls of fixtures: turns like any other, each of an agent of its own, taken from the queue by the fixture worker. */
@Injectable()
export class FixtureCalls {
  constructor(
    private readonly admission: TurnAdmission,
    private readonly reader: TurnLogReader,
    private readonly canceller: TurnCanceller,
    private readonly tasks: FixtureTasks,
    private readonly events: McpEvents,
  ) {}

  async call(request: McpRequest, { task }: FixtureTool, { name, arguments: args = {} }: CallToolRequest['params']): Promise<CallToolResult> {
    if ((task === 'needed' || task === 'answered') && !takesTasks(request)) throw missingTasks();
    let round: Round = { answers: request.answers, state: request.resumed };
    for (;;) {
      const isTask = task !== undefined && takesTasks(request) && (task !== 'answered' || Object.keys(round.answers).length > 0);
      const turn = await this.begin(request, name, { args, ...round, isTask } as JsonObject);
      if (isTask) return this.tasks.created(request, turn.turnId);
      const end = await this.follow(turn, request);
      if ('result' in end) return end.result as CallToolResult;
      if ('protocolError' in end) throw new ProtocolError(end.protocolError.code, end.protocolError.message);
      // Answers that did not do would be given again and again.
      if (request.era === 'stateless') throw new InputRequired(end.ask, end.state ?? {});
      round = { answers: await request.ask(end.ask, {}), state: end.state };
    }
  }

  private async begin(request: McpRequest, tool: string, args: JsonObject): Promise<TurnRequest> {
    const turnId = newTurnId();
    const { tenant } = request.principal;
    const agentId = `fixture-${turnId.slice(-12)}`;
    const turn: TurnRequest = {
      turnId,
      tool,
      agent: { key: agentKey(tenant, agentId), tenant, agentId },
      arguments: { ...args, capabilities: request.client.capabilities as JsonObject },
      correlationId: request.correlationId,
      acceptedAtMs: Date.now(),
    };
    return (await this.admission.admit(turn)).request;
  }

  private async follow(turn: TurnRequest, request: McpRequest): Promise<FixtureEnd> {
    const watch = new TurnWatch(this.reader, turn.turnId, (event) => {
      const saying = sayingOf(event);
      if (!saying) return;
      if ('progress' in saying) request.onProgress?.(saying.progress);
      if ('log' in saying) request.log('info', saying.log.text);
      if ('notify' in saying) request.notify(saying.notify);
      if ('changed' in saying) this.events.publish({ kind: saying.changed });
      if ('detach' in saying) request.detach?.();
    }).start();
    request.signal.addEventListener('abort', () => void this.canceller.cancel(turn).catch(() => undefined), { once: true });
    try {
      const end = await watch.ended();
      if (end.type !== 'completed') return { result: errorResult(AppError.from(end.error), turn.correlationId) as never };
      return FixtureEnd.parse(end.output);
    } finally {
      watch.stop();
    }
  }
}
