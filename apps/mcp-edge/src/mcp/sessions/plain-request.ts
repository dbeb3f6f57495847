import type { JSONRPCRequest } from '@modelcontextprotocol/server';

const MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);

/**
 * A well-formed request that says nothing of itself in `_meta`, as most are. The SDK's schemas say the same of it, but try it as each
 * other kind of message first, three times for each request; only what this does not recognise has to go through them.
 */
export function isPlainRequest(body: unknown): body is JSONRPCRequest {
  if (!isObject(body) || body['jsonrpc'] !== '2.0' || typeof body['method'] !== 'string') return false;
  const { id, params } = body;
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) return false;
  return Object.keys(body).every((name) => MEMBERS.has(name)) && (params === undefined || (isObject(params) && !('_meta' in params)));
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
