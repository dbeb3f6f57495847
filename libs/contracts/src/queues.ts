import { z } from 'zod';
import { AgentIdentity, AgentUsage, ImageName, ReadOnlyTurns, Workspace, WorkspaceChoice } from './agent.js';
import { EgressView, EgressWishes, NO_EGRESS } from './egress.js';

type JobDefinition = { payload: z.ZodType; result: z.ZodType };

export type QueueDefinition<Jobs extends Record<string, JobDefinition> = Record<string, JobDefinition>> = {
  readonly name: string;
  readonly jobs: Jobs;
};

/** A queue as data: a wrong job name, payload or result is a compile error at its users. */
export function defineQueue<const Jobs extends Record<string, JobDefinition>>(name: string, jobs: Jobs): QueueDefinition<Jobs> {
  return { name, jobs };
}

export type JobName<Q extends QueueDefinition> = keyof Q['jobs'] & string;
export type JobPayload<Q extends QueueDefinition, N extends JobName<Q>> = z.infer<Q['jobs'][N]['payload']>;
export type JobResult<Q extends QueueDefinition, N extends JobName<Q>> = z.infer<Q['jobs'][N]['result']>;

/** One job per tool invocation. The request itself is the turn's record; the job names it. */
export const TurnJob = z.object({ turnId: z.string(), agentKey: z.string(), tool: z.string(), correlationId: z.string() });
export type TurnJob = z.infer<typeof TurnJob>;

export const TURNS_QUEUE = 'turns';

/** An approval that is to be announced; its id is the job's. */
export const ApprovalJob = z.object({ approvalId: z.string() });
export type ApprovalJob = z.infer<typeof ApprovalJob>;

export const APPROVALS_QUEUE = 'approvals';

/** Where a worker reaches an agent's Codex: through this supervisor's relay. */
export const Placement = z.object({
  supervisorId: z.string(),
  relayUrl: z.string(),
  workspace: Workspace,
  /** Where Codex sees the workspace. */
  cwd: z.string(),
  /** Where the host directory is that the workspace is a copy of; it cannot be written there. */
  source: z.string().optional(),
  /** Where the base is that the workspace was laid over; it cannot be written either. */
  base: z.string().optional(),
  /** The agent's directory for codex-mcp's own files, such as workspace snapshots. */
  stateDir: z.string(),
  /** Where its Codex keeps what is its own, such as instructions for all that it does. */
  codexHome: z.string().optional(),
  /** `external`: the container is the sandbox; `codex`: Codex's own sandbox is. */
  sandbox: z.enum(['external', 'codex']),
  /** What keeps turns that are to change nothing from it; from supervisors that cannot tell, nothing does. */
  readOnlyTurns: ReadOnlyTurns.default('compared'),
  /** The image that the agent runs in, and one that was asked for and that it cannot have. Absent where agents have none. */
  image: z.object({ name: ImageName, refused: z.object({ name: ImageName, why: z.string() }).optional() }).optional(),
  /** Hosts that commands in the agent can reach, by git alone. */
  gitHosts: z.array(z.string()).default([]),
  /** What they can reach otherwise. */
  egress: EgressView.default(NO_EGRESS),
  /** Why the agent may not write, where its files take too much of the disk. */
  full: z.string().optional(),
});
export type Placement = z.infer<typeof Placement>;

const ensureAgent = { payload: z.object({ agent: AgentIdentity, workspace: WorkspaceChoice.optional(), image: ImageName.optional(), egress: EgressWishes.optional(), correlationId: z.string() }), result: Placement };

/** Taken by any supervisor with room: an agent that lives nowhere yet. */
export const PLACEMENTS_QUEUE = 'placements';
export const placementsQueue = defineQueue(PLACEMENTS_QUEUE, { ensure: ensureAgent });

/** Commands to the one supervisor that owns an agent. */
export const supervisorQueueName = (supervisorId: string): string => `supervisor-${supervisorId}`;
export const supervisorQueue = defineQueue('supervisor', {
  ensure: ensureAgent,
  stop: { payload: z.object({ agent: AgentIdentity }), result: z.object({ stopped: z.boolean() }) },
  remove: { payload: z.object({ agent: AgentIdentity }), result: z.object({ removed: z.boolean() }) },
  usage: { payload: z.object({ agent: AgentIdentity }), result: AgentUsage },
});
