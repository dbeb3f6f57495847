import { AGENT_ID_RULE, type AgentIdentity, agentKey, AppError, normaliseAgentId } from '@codex-mcp/contracts';
import type { Caller } from './invocation.js';

/** The agent that a call means: the one it names, else its connection's. Throws `invalid_agent_id`. */
export function chooseAgent(caller: Caller, named: string | undefined): AgentIdentity {
  const raw = named ?? caller.defaultAgentId;
  const agentId = normaliseAgentId(raw);
  if (agentId === undefined) throw new AppError('invalid_agent_id', `${JSON.stringify(raw.slice(0, 80))} is no agent_id: ${AGENT_ID_RULE}.`);
  return { key: agentKey(caller.tenant, agentId), tenant: caller.tenant, agentId };
}
