import { z } from 'zod';
import { AGENT_ID_PATTERN } from './ids.js';

/** Identity of an agent: (tenant of the caller, agent id); `key` is the hash that names everything of it. */
export const AgentIdentity = z.object({
  key: z.string().regex(/^[0-9a-f]{32}$/),
  tenant: z.string().min(1).max(128),
  agentId: z.string().regex(AGENT_ID_PATTERN),
});
export type AgentIdentity = z.infer<typeof AgentIdentity>;

/** What an operator calls an image that agents may run in; which one that is, only supervisors know. */
export const ImageName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/);
/** The image of agents that ask for none. */
export const BASE_IMAGE = 'base';

const HostPath = z.string().min(1).max(4096);

/** What the agent works in: a volume of its own, a host directory under WORKSPACE_ROOTS itself, or a copy of one. */
export const Workspace = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('volume') }),
  z.object({ kind: z.literal('host'), path: HostPath }),
  z.object({ kind: z.literal('isolated'), path: HostPath }),
]);
export type Workspace = z.infer<typeof Workspace>;

/** How an agent works with a host directory: in it, or on a copy whose changes are given back by `apply`. */
export const WorkspaceMode = z.enum(['isolated', 'direct']);
export type WorkspaceMode = z.infer<typeof WorkspaceMode>;

/** What callers call the kind of a workspace. */
export const workspaceModeOf = ({ kind }: Workspace): WorkspaceMode | 'volume' => (kind === 'host' ? 'direct' : kind);

/** What a call says in place of a directory to have the agent work in its own volume again. */
export const OWN_WORKSPACE = 'own';

/**
 * The directory that a call names, and how to work with it: without a mode as the agent does already, else isolated.
 * Of the `hints` of a caller that names none, the first counts that is a directory under WORKSPACE_ROOTS. `own`: the
 * volume of the agent's own, whatever it has worked on.
 */
export const WorkspaceChoice = z.union([z.object({ path: HostPath, mode: WorkspaceMode.optional() }), z.object({ hints: z.array(HostPath) }), z.object({ own: z.literal(true) })]);
export type WorkspaceChoice = z.infer<typeof WorkspaceChoice>;

export const AgentStatus = z.enum(['running', 'stopped']);
export type AgentStatus = z.infer<typeof AgentStatus>;

export const RuntimeName = z.enum(['docker', 'process']);
export type RuntimeName = z.infer<typeof RuntimeName>;

/** Turns that are to change nothing: held back from it (`enforced`), or looked after when they are over (`compared`). */
export const ReadOnlyTurns = z.enum(['enforced', 'compared']);
export type ReadOnlyTurns = z.infer<typeof ReadOnlyTurns>;

/** The registry's record of an agent. Times are epoch milliseconds. */
export const AgentRecord = AgentIdentity.extend({
  supervisorId: z.string(),
  runtime: RuntimeName,
  /** Container id (docker) or process id (process). */
  runtimeId: z.string(),
  status: AgentStatus,
  workspace: Workspace,
  /** The image that was asked for last, whether or not it can be had. */
  image: ImageName.optional(),
  /** Where Codex sees the workspace: /workspace in a container, a host path otherwise. */
  cwd: z.string(),
  readOnlyTurns: ReadOnlyTurns.optional(),
  createdAt: z.number(),
  lastActiveAt: z.number(),
  /** The thread of turns that name none; absent before the first. */
  threadId: z.string().optional(),
});
export type AgentRecord = z.infer<typeof AgentRecord>;

/** What a supervisor measures of a running agent, absent where the runtime cannot tell. */
export const AgentUsage = z.object({
  cpuPercent: z.number().optional(),
  memoryBytes: z.number().optional(),
  memoryLimitBytes: z.number().optional(),
  processes: z.number().optional(),
});
export type AgentUsage = z.infer<typeof AgentUsage>;
