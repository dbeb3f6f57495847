import { type AgentIdentity, AppError } from '@codex-mcp/contracts';

/** For another agent's thread as for one that never was. */
export const unknownThread = ({ agentId }: AgentIdentity): AppError =>
  new AppError('unknown_thread', `Agent "${agentId}" has no such thread. list_threads shows those it has; without thread_id the current one is continued.`);
