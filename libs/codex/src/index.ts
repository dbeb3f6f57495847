export { type AgentCodexConfig, EVERYTHING_ENVIRONMENT, READ_ONLY_ENVIRONMENT, renderAgentConfig, renderAgentEnvironments } from './agent-config.js';
export { AppServerClient, type OpenedThread, type OpenThread, type SandboxMode, type StartTurn } from './app-server.client.js';
export { type ApprovalHandler, type AskedApproval } from './approval-requests.js';
export { type CodexBinary, locateCodex } from './binary.js';
export { type ApprovalPolicy, type ExecResult, type ThreadItem, type Turn, type TurnError, type TurnNotification } from './protocol.js';
export { RpcError, UnreachableError, UnresponsiveError } from './rpc-connection.js';
export { toAppError } from './turn-errors.mapper.js';
export { toTurnItem } from './turn-items.mapper.js';
