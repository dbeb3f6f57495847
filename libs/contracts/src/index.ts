export {
  AGENT_ID_PATTERN,
  AGENT_ID_RULE,
  LOCAL_TENANT,
  agentKey,
  approvalIdOf,
  newCorrelationId,
  newThreadId,
  newToken,
  newTurnId,
  normaliseAgentId,
  slugAgentId,
} from './ids.js';
export { AccessTokenEntry, allows, digestOf, formatAccessToken, parseAccessToken, Scope, TENANT_PATTERN } from './access-token.js';
export { AppError, ERROR_CLASSES, ErrorBody, type ErrorCode, type Fault, toErrorBody } from './errors.js';
export { AgentIdentity, AgentRecord, AgentStatus, AgentUsage, BASE_IMAGE, ImageName, OWN_WORKSPACE, ReadOnlyTurns, RuntimeName, Workspace, WorkspaceChoice, WorkspaceMode, workspaceModeOf } from './agent.js';
export { Approval, ApprovalAnswer, ApprovalDecision, ApprovalMode, ApprovalRecord, ApprovalSubject, ApprovalVia, stricterMode } from './approval.js';
export { AgentHalt } from './agent-halt.js';
export { Effort } from './effort.js';
export { egressCovers, egressTarget, EgressView, EgressWishes, NO_EGRESS } from './egress.js';
export { ForkOrigin, ThreadRecord, ThreadSettings } from './thread.js';
export {
  isTerminal,
  isTerminalEvent,
  LoggedEvent,
  type TerminalEvent,
  TokenUsage,
  TurnCommand,
  TurnEvent,
  TurnItem,
  TurnRecord,
  TurnRequest,
  TurnStatus,
} from './turn.js';
export {
  ApprovalJob,
  APPROVALS_QUEUE,
  defineQueue,
  type JobName,
  type JobPayload,
  type JobResult,
  Placement,
  PLACEMENTS_QUEUE,
  placementsQueue,
  type QueueDefinition,
  supervisorQueue,
  supervisorQueueName,
  TurnJob,
  TURNS_QUEUE,
} from './queues.js';
export { GatewayProfiles, Heartbeat, type ServiceName, SignIn } from './heartbeat.js';
export { DEFAULT_PROFILE, ProfileChoice, ProfileName, profileOf, profilesIn } from './profile.js';
export { ModelTrouble, ModelWait } from './model-wait.js';
export { AgentRegistration, AgentUpstream, CONTAINER_GATEWAY_URL, GatewayError, GatewayErrorCode, runPaths } from './gateway.js';
export { BranchName, PullRequestBody, PullRequestResult, PullRequestTitle, PullRequestWish } from './pull-request.js';
export { FileWrite, TreeWrite, TreeWriteResult } from './tree-write.js';
export { DEFAULT_REPOSITORY_SETTINGS, MAX_REPOSITORY_SETTINGS_BYTES, parseRepositorySettings, REPOSITORY_SETTINGS_FILE, RepositorySettings } from './repository-settings.js';
export { Budgets, DAY_MS, dayOf, daysUntil, type ModelTokens, type ModelUse } from './usage.js';
