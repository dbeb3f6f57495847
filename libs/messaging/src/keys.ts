/** BullMQ's own keys live under this prefix. */
export const QUEUE_PREFIX = 'codex-mcp-queue';

/** BullMQ's names of what it keeps of a queue. */
export const queueKeys = (queue: string) => ({ waiting: `${QUEUE_PREFIX}:${queue}:wait`, meta: `${QUEUE_PREFIX}:${queue}:meta` });

const PREFIX = 'codex-mcp';

export const keys = {
  turn: (turnId: string) => `${PREFIX}:turn:${turnId}`,
  /** The turn's stream; also the name of the pub/sub channel that announces it. */
  turnLog: (turnId: string) => `${PREFIX}:turn:${turnId}:log`,
  agent: (agentKey: string) => `${PREFIX}:agent:${agentKey}`,
  /** Ids of the agent's unfinished turns in order; the head is the one that may run. */
  mailbox: (agentKey: string) => `${PREFIX}:agent:${agentKey}:mailbox`,
  /** The agent's turns of the retention time by when they were accepted. */
  turnsOf: (agentKey: string) => `${PREFIX}:agent:${agentKey}:turns`,
  /** The agent's threads by their ids, as JSON. */
  threads: (agentKey: string) => `${PREFIX}:agent:${agentKey}:threads`,
  idempotency: (agentKey: string, key: string) => `${PREFIX}:agent:${agentKey}:idempotency:${key}`,
  agentsOf: (tenant: string) => `${PREFIX}:agents:${tenant}`,
  tenants: `${PREFIX}:tenants`,
  busyAgents: `${PREFIX}:busy-agents`,
  /** The tenant's unfinished turns, of all its agents. */
  unfinishedOf: (tenant: string) => `${PREFIX}:unfinished:${tenant}`,
  requestBudget: (tenant: string) => `${PREFIX}:request-budget:${tenant}`,
  beat: (service: string, instance: string) => `${PREFIX}:beat:${service}:${instance}`,
  beats: `${PREFIX}:beats`,
  approval: (approvalId: string) => `${PREFIX}:approval:${approvalId}`,
  /** Ids of a turn's unanswered approvals by their deadlines. */
  approvalsOf: (turnId: string) => `${PREFIX}:turn:${turnId}:approvals`,
  /** Those of all turns. */
  openApprovals: `${PREFIX}:open-approvals`,
  /** Counters of a day (UTC) by agent and model, and their sums. */
  usage: (tenant: string, day: string) => `${PREFIX}:usage:${day}:${tenant}`,
  turnControl: `${PREFIX}:turn-control`,
  modelWaits: `${PREFIX}:model-waits`,
  agentHalts: `${PREFIX}:agent-halts`,
};
