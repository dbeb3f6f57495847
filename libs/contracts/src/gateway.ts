import { z } from 'zod';
import { AgentIdentity } from './agent.js';
import { EgressView, EgressWishes } from './egress.js';

/**
 * Supervisor → gateway, over the control socket: `PUT /agents/<key>`.
 * `unix`: a socket of the agent's own, in a directory that only it is given.
 * `tcp`: a loopback URL of the agent's own, for a Codex that runs without a container.
 * `egress`: hosts that the agent's repository wishes for; absent, they stay as they are.
 */
export const AgentRegistration = z.object({ agent: AgentIdentity, transport: z.enum(['unix', 'tcp']), egress: EgressWishes.optional() });
export type AgentRegistration = z.infer<typeof AgentRegistration>;

/** The gateway's answer. `baseUrl` is what Codex's model provider gets. */
export const AgentUpstream = z.object({
  baseUrl: z.string(),
  socketDirectory: z.string().optional(),
  /** Hosts that the gateway passes git to. */
  gitHosts: z.array(z.string()).optional(),
  egress: EgressView.optional(),
});
export type AgentUpstream = z.infer<typeof AgentUpstream>;

/** The codes of what the gateway answers an agent itself. Codex tells them with the whole body when the status is 400. */
export const GatewayErrorCode = z.enum([
  'codex_mcp_not_signed_in',
  'codex_mcp_budget_spent',
  'codex_mcp_request_too_large',
  'codex_mcp_encoding_refused',
  'codex_mcp_length_required',
  'codex_mcp_not_found',
  'codex_mcp_upstream_unreachable',
  'codex_mcp_upstream_timeout',
  'codex_mcp_upstream_failed',
]);
export type GatewayErrorCode = z.infer<typeof GatewayErrorCode>;

/** Such an answer, in the form of OpenAI's errors. */
export const GatewayError = z.object({ error: z.object({ code: GatewayErrorCode, message: z.string() }) });

/** Inside a container the agent's gateway socket is relayed to this address. */
export const CONTAINER_GATEWAY_URL = 'http://127.0.0.1:8080/v1';

/** Paths below RUN_DIR, which supervisor and gateway of one host share. */
export const runPaths = {
  gatewayControl: (runDir: string) => `${runDir}/gateway.sock`,
  agent: (runDir: string, key: string) => `${runDir}/agents/${key}`,
  agentGateway: (runDir: string, key: string) => `${runDir}/agents/${key}/gateway`,
  agentGatewaySocket: (runDir: string, key: string) => `${runDir}/agents/${key}/gateway/gateway.sock`,
  agentAppServer: (runDir: string, key: string) => `${runDir}/agents/${key}/app-server`,
};
