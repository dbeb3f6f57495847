import type { ServerResponse } from 'node:http';
import type { GatewayErrorCode } from '@codex-mcp/contracts';

/**
 * What the gateway itself answers an agent. Codex 0.169 gives up at once only on 400 (measured: one request);
 * 401, 403, 404, 413 and 422 are sent six times, 5xx thirty times. So 400 is for what a retry cannot change.
 */
export const GATEWAY_ERRORS = {
  codex_mcp_not_signed_in: { status: 400, type: 'invalid_request_error' },
  codex_mcp_budget_spent: { status: 400, type: 'invalid_request_error' },
  codex_mcp_request_too_large: { status: 400, type: 'invalid_request_error' },
  codex_mcp_encoding_refused: { status: 400, type: 'invalid_request_error' },
  codex_mcp_length_required: { status: 411, type: 'invalid_request_error' },
  codex_mcp_not_found: { status: 404, type: 'invalid_request_error' },
  codex_mcp_upstream_unreachable: { status: 502, type: 'server_error' },
  codex_mcp_upstream_timeout: { status: 504, type: 'server_error' },
  codex_mcp_upstream_failed: { status: 502, type: 'server_error' },
} as const satisfies Record<GatewayErrorCode, { status: number; type: string }>;

/** A status that Codex takes as the last word. */
const LAST_STATUS = 400;
/** The code of a stream's failure that Codex 0.169 takes as the last word (measured); it hands on the message. */
const LAST_STREAM_CODE = 'invalid_prompt';

/** Answers in the form of OpenAI's errors, which Codex shows to its user. Returns the status. */
export function sendError(response: ServerResponse, code: GatewayErrorCode, message: string): number {
  if (response.headersSent) return sendLastError(response, code, message);
  return send(response, GATEWAY_ERRORS[code].status, errorBody(code, message));
}

/** The same for what the gateway itself has tried often enough: Codex must not try it as often again. */
export function sendLastError(response: ServerResponse, code: GatewayErrorCode, message: string): number {
  const body = errorBody(code, message);
  if (!response.headersSent) return send(response, LAST_STATUS, body);
  const failed = { type: 'response.failed', response: { object: 'response', status: 'failed', error: { code: LAST_STREAM_CODE, message: body } } };
  response.end(`event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`);
  return LAST_STATUS;
}

const errorBody = (code: GatewayErrorCode, message: string): string => JSON.stringify({ error: { message, type: GATEWAY_ERRORS[code].type, code, param: null } });

function send(response: ServerResponse, status: number, body: string): number {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  return status;
}
