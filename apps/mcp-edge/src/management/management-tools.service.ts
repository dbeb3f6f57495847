import type { AgentIdentity, AgentUsage } from '@codex-mcp/contracts';
import { type ArgumentsOf, composeManagementOutput, type MANAGEMENT_TOOLS, type ManagementTool, type ManagementToolName, type OutputOf, renderOutput } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import type { Caller, Invocation, ToolResult } from '../invocation/invocation.js';
import { ApprovalDesk } from '../approvals/approval-desk.service.js';
import { AgentCleanup } from './agent-cleanup.service.js';
import { AgentDirectory } from './agent-directory.service.js';
import { FanOut } from './fan-out.service.js';
import { HealthCheck } from './health-check.service.js';
import { SupervisorClients } from './supervisor-clients.service.js';
import { ThreadManagement } from './thread-management.service.js';
import { TurnCancellation } from './turn-cancellation.service.js';
import { TurnReading } from './turn-reading.service.js';
import { TurnStart } from './turn-start.service.js';
import { TurnSteering } from './turn-steering.service.js';
import { UsageReport } from './usage-report.service.js';

type Context = { readonly caller: Caller; /** The agent that the call names, else its connection's. */ readonly agent: AgentIdentity; readonly protocol: Invocation['protocol']; readonly idempotencyKey?: string | undefined };
type Handlers = {
  readonly [Name in ManagementToolName]: (
    args: ArgumentsOf<(typeof MANAGEMENT_TOOLS)[Name]>,
    context: Context,
  ) => Promise<OutputOf<(typeof MANAGEMENT_TOOLS)[Name]>>;
};

/** The agent that a listing is limited to, if any. */
const filter = (args: { agent_id?: string | undefined }, { agent }: Context) => (args.agent_id === undefined ? undefined : agent);

/** The tools that need no Codex, each answered from the registries. A tool without a handler does not compile. */
@Injectable()
export class ManagementTools {
  private readonly handlers: Handlers;

  constructor(
    private readonly directory: AgentDirectory,
    private readonly supervisors: SupervisorClients,
    cleanup: AgentCleanup,
    health: HealthCheck,
    cancellation: TurnCancellation,
    starter: TurnStart,
    reading: TurnReading,
    steering: TurnSteering,
    threads: ThreadManagement,
    fanOut: FanOut,
    approvals: ApprovalDesk,
    usage: UsageReport,
  ) {
    this.handlers = {
      list_sessions: async (args, context) => ({ sessions: await directory.views(context.caller.tenant, filter(args, context)) }),
      list_active_agents: async (args, context) => {
        const views = await directory.views(context.caller.tenant, filter(args, context));
        return { agents: views.filter(({ status }) => status === 'running') };
      },
      get_my_session_info: async (_, { agent }) => {
        const [record] = await directory.list(agent.tenant, agent);
        return record ? { exists: true, ...(await directory.view(record)) } : { exists: false, agent_id: agent.agentId };
      },
      get_agent_status: (_, { agent }) => this.agentStatus(agent),
      cleanup_inactive_agents: (args, context) => cleanup.run(context.caller.tenant, filter(args, context), args),
      get_usage: (args, context) => usage.report(context.agent, filter(args, context)?.agentId, args),
      health_check: (_, { agent }) => health.report(agent),
      start: (args, { caller, agent, idempotencyKey }) => starter.start(args, caller, agent, idempotencyKey),
      implement_n: (args, { caller, agent, idempotencyKey }) => fanOut.implement(args, caller, agent, idempotencyKey),
      compare: (args, { caller }) => fanOut.compare(caller.tenant, args),
      get_turn: (args, { caller }) => reading.get(caller.tenant, args),
      list_turns: ({ limit }, { agent }) => reading.list(agent, limit),
      steer: ({ message, turn_id }, { agent }) => steering.steer(agent, message, turn_id),
      cancel: ({ turn_id }, { agent }) => cancellation.cancel(agent, turn_id),
      list_approvals: async ({ turn_id: turnId, ...args }, context) => ({ approvals: await approvals.list(context.caller.tenant, { agentId: filter(args, context)?.agentId, turnId }) }),
      answer_approval: ({ approval_id: id, decision, message }, { caller, protocol }) => approvals.answer(caller, id, { decision, message, via: protocol }),
      new_thread: ({ title }, { agent }) => threads.begin(agent, title),
      fork: (args, { agent }) => threads.fork(agent, args),
      list_threads: ({ limit }, { agent }) => threads.list(agent, limit),
    };
  }

  /** `args` are those that parseArguments made for this tool. */
  async call(tool: ManagementTool, args: unknown, context: Context): Promise<ToolResult> {
    const handler = this.handlers[tool.name as ManagementToolName] as (args: unknown, context: Context) => Promise<OutputOf<ManagementTool>>;
    const structured = composeManagementOutput(tool, await handler(args, context));
    return { structured, text: renderOutput(tool, structured) };
  }

  private async agentStatus(agent: AgentIdentity): Promise<OutputOf<(typeof MANAGEMENT_TOOLS)['get_agent_status']>> {
    const record = await this.directory.get(agent);
    const measured = record.status === 'running' ? this.supervisors.usage(record).catch((): AgentUsage => ({})) : ({} as AgentUsage);
    const [view, usage] = await Promise.all([this.directory.view(record), measured]);
    return {
      ...view,
      cpu_percent: usage.cpuPercent,
      memory_bytes: usage.memoryBytes,
      memory_limit_bytes: usage.memoryLimitBytes,
      processes: usage.processes,
    };
  }
}
