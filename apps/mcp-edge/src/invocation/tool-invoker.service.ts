import { allows, AppError, ERROR_CLASSES, type ErrorCode } from '@codex-mcp/contracts';
import { AuditLog, type AuditOutcome, type Logger, operation, type OperationFields } from '@codex-mcp/observability';
import { type DropInTool, findTool, handleOf, type JsonObject, parseArguments, type QueuedTool, renderOutput, runsTurn, type Tool, TURN_TOOLS } from '@codex-mcp/tools';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { assertScope } from '../access/scopes.js';
import { ApprovalDesk } from '../approvals/approval-desk.service.js';
import { LOGGER } from '../edge.tokens.js';
import { EdgeMetrics } from '../health/edge.metrics.js';
import { AgentDirectory } from '../management/agent-directory.service.js';
import { ManagementTools } from '../management/management-tools.service.js';
import { TurnReading } from '../management/turn-reading.service.js';
import { chooseAgent } from './agent-choice.js';
import { DropInCalls } from './drop-in-calls.service.js';
import { InputRequired } from './input-required.js';
import type { Invocation, ToolResult } from './invocation.js';
import { asCallerError, within } from './redis-outage.errors.js';
import { type AdmittedTurn, TurnAdmission, type TurnCall } from './turn-admission.service.js';
import { TurnLookup } from './turn-lookup.service.js';
import { type FollowedTurn, TurnRunner } from './turn-runner.service.js';

const NamedAgent = z.object({ agent_id: z.string().optional() });

type AddFields = (fields: OperationFields) => void;

/** Calls tools, whatever protocol asked for it. The one place where it is decided who may, and where a call's errors are mapped, logged and counted. */
@Injectable()
export class ToolInvoker {
  private readonly inFlight = new Set<Promise<unknown>>();
  private closing = false;

  constructor(
    private readonly admission: TurnAdmission,
    private readonly runner: TurnRunner,
    private readonly lookup: TurnLookup,
    private readonly dropIns: DropInCalls,
    private readonly management: ManagementTools,
    private readonly directory: AgentDirectory,
    private readonly reading: TurnReading,
    private readonly approvals: ApprovalDesk,
    private readonly metrics: EdgeMetrics,
    private readonly audit: AuditLog,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Rejects with an AppError for everything that is not a bug. */
  invoke(invocation: Invocation): Promise<ToolResult> {
    return this.observe(invocation, (tool, add) => this.dispatch(tool, invocation, add), ({ isHandle }) => (isHandle ? 'handle' : 'ok'));
  }

  /** Makes a call of a turn tool durable without waiting for it. Rejects like {@link invoke}. */
  start(invocation: Invocation): Promise<AdmittedTurn> {
    const accept = async (tool: Tool, add: AddFields): Promise<AdmittedTurn> => {
      if (!runsTurn(tool)) throw new AppError('invalid_arguments', `${tool.name} runs no turn, so it cannot be started.`);
      const call = await this.turnCall(tool, parseArguments(tool, invocation.arguments), invocation, add);
      const admitted = await this.admission.admit(this.admission.requestOf(call));
      add({ turnId: admitted.request.turnId });
      return admitted;
    };
    return this.observe(invocation, accept, () => 'handle');
  }

  private async observe<T>(invocation: Invocation, work: (tool: Tool, add: AddFields) => Promise<T>, outcomeOf: (result: T) => string): Promise<T> {
    const { caller } = invocation;
    const tool = findTool(invocation.tool);
    const count = this.metrics.startCall(tool?.name ?? 'unknown');
    const fields: OperationFields = { correlationId: caller.correlationId, tenant: caller.tenant, tool: tool?.name ?? invocation.tool.slice(0, 80) };
    const call = operation(this.logger, 'tool_call', fields, async (add) => {
      try {
        if (this.closing) throw new AppError('service_unavailable', 'This server is shutting down; try again in a moment.');
        if (!tool) throw new AppError('unknown_tool', `There is no tool "${invocation.tool.slice(0, 80)}"; tools/list and GET /tools name them.`);
        assertScope(caller, tool.scope, `The tool ${tool.name}`);
        return await work(tool, (more) => add(Object.assign(fields, more)));
      } catch (error) {
        if (error instanceof InputRequired) return error;
        throw asCallerError(error);
      }
    });
    const observe = (outcome: string) => {
      count(outcome);
      this.auditCall(invocation, fields, outcome);
    };
    this.inFlight.add(call);
    try {
      const result = await call;
      observe(result instanceof InputRequired ? 'input_required' : outcomeOf(result));
      if (!(result instanceof InputRequired)) return result;
      throw result;
    } catch (error) {
      if (!(error instanceof InputRequired)) observe(error instanceof AppError ? error.code : 'internal');
      throw error;
    } finally {
      this.inFlight.delete(call);
    }
  }

  /** Takes no more calls; gives those in flight `timeoutMs` to end, then answers their callers. */
  async drain(timeoutMs: number): Promise<void> {
    this.closing = true;
    this.reading.release();
    const all = () => Promise.allSettled(this.inFlight);
    await within(timeoutMs, all()).catch(() => this.runner.abandon());
    await within(timeoutMs, all()).catch(() => undefined);
  }

  private auditCall({ caller, protocol }: Invocation, { tool, agent, turnId }: OperationFields, outcome: string): void {
    const names = { tenant: caller.tenant, principal: caller.principal, agentId: agent as string | undefined, turnId: turnId as string | undefined, correlationId: caller.correlationId };
    this.audit.record({ action: 'tool.call', outcome: auditOutcomeOf(outcome), ...names, detail: { tool, over: protocol, result: outcome } });
  }

  private async dispatch(tool: Tool, invocation: Invocation, add: AddFields): Promise<ToolResult> {
    const args = parseArguments(tool, invocation.arguments);
    if (runsTurn(tool)) {
      const { resume } = invocation;
      const result = resume ? await this.rejoin(resume.turnId, tool.kind === 'drop_in' ? TURN_TOOLS.chat : tool, invocation, add) : await this.runTurn(await this.turnCall(tool, args, invocation, add), invocation, add);
      return tool.kind === 'drop_in' ? this.dropIns.resultOf(tool, result) : result;
    }
    const { caller, idempotencyKey, protocol } = invocation;
    const agent = chooseAgent(caller, NamedAgent.parse(args).agent_id);
    add({ agent: agent.agentId });
    return this.management.call(tool, args, { caller, agent, protocol, idempotencyKey });
  }

  private async turnCall(tool: QueuedTool | DropInTool, args: object, invocation: Invocation, add: AddFields): Promise<TurnCall> {
    const { idempotencyKey } = invocation;
    const mayRun = allows(invocation.caller.scopes, 'run');
    const caller = mayRun ? invocation.caller : { ...invocation.caller, workspace: undefined };
    const call = tool.kind === 'drop_in' ? await this.dropIns.callOf(tool, args, invocation) : { tool, args, agent: chooseAgent(caller, NamedAgent.parse(args).agent_id), caller, idempotencyKey };
    add({ agent: call.agent.agentId });
    // Whoever may only look makes no agents, and moves none to another directory.
    if (!mayRun) await this.directory.get(call.agent);
    await this.admission.assertCanRun(call.agent);
    return call;
  }

  private async runTurn(call: TurnCall, invocation: Invocation, add: AddFields): Promise<ToolResult> {
    const request = this.admission.requestOf(call);
    add({ turnId: request.turnId });
    const turn = await this.runner.run(request, invocation);
    add({ turnId: turn.request.turnId });
    return this.resultOf(call.tool, turn);
  }

  /** The rest of a call whose client was asked something meanwhile. */
  private async rejoin(turnId: string, tool: QueuedTool, invocation: Invocation, add: AddFields): Promise<ToolResult> {
    const record = await this.lookup.find(invocation.caller.tenant, turnId);
    add({ turnId, agent: record.request.agent.agentId });
    return this.resultOf(tool, await this.runner.rejoin(record, invocation));
  }

  private async resultOf(tool: QueuedTool, turn: FollowedTurn): Promise<ToolResult> {
    const { turnId, agent } = turn.request;
    if ('output' in turn) return { structured: turn.output, text: renderOutput(tool, turn.output), turnId };
    const approvals = await this.approvals.pending({ request: turn.request, status: turn.pending });
    const handle = handleOf({ turn_id: turnId, agent_id: agent.agentId, ...(turn.threadId !== undefined && { thread_id: turn.threadId }), status: turn.pending, ...approvals });
    return { structured: handle as unknown as JsonObject, text: `The turn is not finished (${turn.pending}). ${handle.next}`, turnId, isHandle: true };
  }
}

/** A call that was answered, one that its caller may not make or has made wrongly, one that went wrong. */
function auditOutcomeOf(outcome: string): AuditOutcome {
  const known = Object.hasOwn(ERROR_CLASSES, outcome) ? ERROR_CLASSES[outcome as ErrorCode] : undefined;
  if (!known) return 'ok';
  return known.fault === 'caller' ? 'refused' : 'failed';
}
