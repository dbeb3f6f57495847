import { AsyncLocalStorage } from 'node:async_hooks';
import type { Request } from 'express';
import type { Principal } from '../access/principal.js';

/** What the HTTP request that carries an MCP message says, beside the message. */
export type CallContext = {
  readonly principal: Principal;
  readonly correlationId: string;
  readonly agentHint: string | undefined;
  /** The client does not read fast enough; what it may miss is not sent. */
  readonly isCongested: () => boolean;
};

/** The SDK's transports hand handlers the message only; this goes around them. */
export const callContext = new AsyncLocalStorage<CallContext>();

/** The agent that a connection or request asks for: header X-Agent-Id, else query agent_id. */
export function agentHintOf(request: Request): string | undefined {
  const header = request.get('X-Agent-Id');
  if (header) return header;
  const { agent_id: query } = request.query;
  return typeof query === 'string' && query !== '' ? query : undefined;
}
