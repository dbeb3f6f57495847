import type { ServerResponse } from 'node:http';

/**
 * What the gateway itself answers an agent. Codex 0.169 gives up at once only on 400 (measured: one request);
 * 401, 403, 404, 413 and 422 are sent six times, 5xx thirty times. So 400 is for what a retry cannot change.
 */
export const GATEWAY_ERRORS = {
  codex_mcp_not_signed_in: { status: 400, type: 'invalid_request_error' },
  codex_mcp_request_too_large: { status: 400, type: 'invalid_request_error' },
  codex_mcp_length_required: { status: 411, type: 'invalid_request_error' },
  codex_mcp_not_found: { status: 404, type: 'invalid_request_error' },
  codex_mcp_upstream_unreachable: { status: 502, type: 'server_error' },
  codex_mcp_upstream_timeout: { status: 504, type: 'server_error' },
} as const;

export type GatewayErrorCode = keyof typeof GATEWAY_ERRORS;

/** Answers in the form of OpenAI's errors, which Codex shows to its user. Returns the status. */
export function sendError(response: ServerResponse, code: GatewayErrorCode, message: string): number {
  const { status, type } = GATEWAY_ERRORS[code];
  const body = Buffer.from(JSON.stringify({ error: { message, type, code, param: null } }));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  return status;
}
