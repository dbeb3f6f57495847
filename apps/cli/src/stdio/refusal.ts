import { ConfigError } from '@codex-mcp/config';
import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { isJSONRPCRequest, JSONRPCErrorResponseSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { SessionOver } from './server-transport.js';

/** JSON-RPC's code for a connection that is not there, as the SDK uses it. */
const CONNECTION_CLOSED = -32000;
/** Nothing of the request can have reached a server. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

export type Refusal = { readonly code: number; readonly message: string };

const isNotConnected = (error: unknown): boolean => NOT_CONNECTED.has(codeOf(error) ?? '');

/** The server is being restarted, and sending the message again cannot do anything twice. */
export const mayBeRepeated = (message: JSONRPCMessage, error: unknown): boolean =>
  isNotConnected(error) || (wasCutOff(error) && !(isJSONRPCRequest(message) && message.method === 'tools/call'));

const wasCutOff = (error: unknown): boolean => codeOf(error) !== undefined || (error instanceof Error && error.name === 'AbortError');

export const isSessionOver = (error: unknown): boolean => error instanceof SessionOver || (error instanceof StreamableHTTPError && error.code === 404);

/** What the client is told of a request that has come to nothing. */
export function refusalOf(error: unknown, url: URL): Refusal {
  if (error instanceof ConfigError) return { code: CONNECTION_CLOSED, message: error.message };
  const status = error instanceof StreamableHTTPError ? error.code : undefined;
  if (status === 401) return { code: CONNECTION_CLOSED, message: `The server at ${url.origin} asks for a token: set CODEX_MCP_TOKEN, or CODEX_MCP_TOKEN_FILE to a file that holds it.` };
  if (status !== undefined && status > 0) return answered(error instanceof Error ? error.message : '') ?? { code: CONNECTION_CLOSED, message: `${url.href} answered with status ${status}; is it the address of a codex-mcp server?` };
  if (isNotConnected(error)) return { code: CONNECTION_CLOSED, message: `No codex-mcp server answers at ${url.origin}. Start it with \`npm start\`, or give its address with --url.` };
  return lostConnection(url);
}

/** The turn of a call that was lost with its connection goes on. */
export const lostConnection = (url: URL): Refusal => ({
  code: CONNECTION_CLOSED,
  message: `The connection to ${url.origin} was lost before the answer came. What the call has begun goes on: list_turns shows it and get_turn has its result, so look there before you repeat it.`,
});

/** The JSON-RPC error in the body of an HTTP error, which the SDK puts at the end of its message. */
function answered(message: string): Refusal | undefined {
  try {
    return JSONRPCErrorResponseSchema.safeParse({ id: 0, ...(JSON.parse(message.slice(message.indexOf('{'))) as object) }).data?.error;
  } catch {
    return undefined;
  }
}

/** Of what the network said. */
function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error && !(error instanceof ConfigError) ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}
