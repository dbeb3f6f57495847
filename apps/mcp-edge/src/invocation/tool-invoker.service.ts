import { AppError, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { type Logger, operation, type OperationFields } from '@codex-mcp/observability';
import { findTool, parseArguments, renderOutput, type Tool } from '@codex-mcp/tools';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { LOGGER } from '../edge.tokens.js';
import { EdgeMetrics } from '../health/edge.metrics.js';
import { ManagementTools } from '../management/management-tools.service.js';
import { chooseAgent } from './agent-choice.js';
import type { Invocation, ToolResult } from './invocation.js';
import { asCallerError, within } from './redis-outage.errors.js';
import { ServiceStatus } from './service-status.service.js';
import { TurnRunner } from './turn-runner.service.js';

const STATUS_TIMEOUT_MS = 4500;

const NamedAgent = z.object({ agent_id: z.string().optional() });
const JsonArguments = z.record(z.string(), z.json());

/** Calls tools, whatever protocol asked for it. The one place where a call's errors are mapped, logged and counted. */
@Injectable()
export class ToolInvoker {
  private readonly inFlight = new Set<Promise<unknown>>();
  private closing = false;

  constructor(
    private readonly status: ServiceStatus,
    private readonly runner: TurnRunner,
    private readonly management: ManagementTools,
    private readonly metrics: EdgeMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Rejects with an AppError for everything that is not a bug. */
  async invoke(invocation: Invocation): Promise<ToolResult> {
    const { caller } = invocation;
    const tool = findTool(invocation.tool);
    const observe = this.metrics.startCall(tool?.name ?? 'unknown');
    const fields = { correlationId: caller.correlationId, tenant: caller.tenant, tool: tool?.name ?? invocation.tool.slice(0, 80) };
    const call = operation(this.logger, 'tool_call', fields, async (add) => {
      try {
        return await this.dispatch(tool, invocation, add);
      } catch (error) {
        throw asCallerError(error);
      }
    });
    this.inFlight.add(call);
    try {
      const result = await call;
      observe('ok');
      return result;
    } catch (error) {
      observe(error instanceof AppError ? error.code : 'internal');
      throw error;
    } finally {
      this.inFlight.delete(call);
    }
  }

  /** Takes no more calls; gives those in flight `timeoutMs` to end, then answers their callers. */
  async drain(timeoutMs: number): Promise<void> {
    this.closing = true;
    const all = () => Promise.allSettled(this.inFlight);
    await within(timeoutMs, all()).catch(() => this.runner.abandon());
    await within(timeoutMs, all()).catch(() => undefined);
  }

  private async dispatch(tool: Tool | undefined, invocation: Invocation, add: (fields: OperationFields) => void): Promise<ToolResult> {
    if (this.closing) throw new AppError('service_unavailable', 'This server is shutting down; try again in a moment.');
    if (!tool) throw new AppError('unknown_tool', `There is no tool "${invocation.tool.slice(0, 80)}"; tools/list and GET /tools name them.`);
    const args = parseArguments(tool, invocation.arguments);
    const agent = chooseAgent(invocation.caller, NamedAgent.parse(args).agent_id);
    add({ agent: agent.agentId });
    if (tool.kind === 'management') return this.management.call(tool, args, { caller: invocation.caller, agent });
    await within(STATUS_TIMEOUT_MS, this.status.assertTurnsCanRun());
    const { correlationId } = invocation.caller;
    const request: TurnRequest = { turnId: newTurnId(), tool: tool.name, agent, arguments: JsonArguments.parse(args), correlationId, acceptedAtMs: Date.now() };
    add({ turnId: request.turnId });
    const structured = await this.runner.run(request, invocation);
    return { structured, text: renderOutput(tool, structured), turnId: request.turnId };
  }
}
