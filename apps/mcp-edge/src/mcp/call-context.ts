import { isAbsolute } from 'node:path';
import { selectTools } from '@codex-mcp/tools';
import type { AuthInfo } from '@modelcontextprotocol/server';
import type { Request } from 'express';
import type { Principal } from '../access/principal.js';

/** What the HTTP request that carries an MCP message says, beside the message. */
export type CallContext = {
  readonly principal: Principal;
  readonly correlationId: string;
  readonly agentHint: string | undefined;
  readonly workspaceHint: string | undefined;
  readonly toolset: string | undefined;
  /** The client does not read fast enough; what it may miss is not sent. */
  readonly isCongested: () => boolean;
};

/**
 * The one thing that the SDK hands on to handlers with a message, as it is. An AsyncLocalStorage would make every promise of the process
 * dearer on Node 20: about a tenth of what a small call costs.
 */
class Carried implements AuthInfo {
  readonly token = '';
  readonly clientId = '';
  readonly scopes = [];

  constructor(readonly context: CallContext) {}
}

/** What a message is to come with, so that its handler knows what the request says beside it. */
export const carried = (context: CallContext): AuthInfo => new Carried(context);

/** The context that a message came with. */
export function contextIn(authInfo: AuthInfo | undefined): CallContext {
  if (!(authInfo instanceof Carried)) throw new Error('a message arrived outside of a request');
  return authInfo.context;
}

/** The agent that a connection or request asks for: header X-Agent-Id, else query agent_id. */
export function agentHintOf(request: Request): string | undefined {
  const header = request.get('X-Agent-Id');
  if (header) return header;
  const { agent_id: query } = request.query;
  return typeof query === 'string' && query !== '' ? query : undefined;
}

/** The directory that a connection or request works in: header X-Workspace, else query workspace. */
export function workspaceHintOf(request: Request): string | undefined {
  const hint = request.get('X-Workspace') ?? request.query['workspace'];
  return typeof hint === 'string' && isAbsolute(hint) ? hint : undefined;
}

/**
 * The tools that a connection or request wants to see, for selectTools: header X-Toolset, else query toolset, and only those that
 * change nothing where header X-Readonly, else query readonly, is true. Throws `invalid_arguments` for a set that does not exist.
 */
export function toolsetOf(request: Request): string | undefined {
  const names = request.get('X-Toolset') ?? request.query['toolset'];
  const isReadOnly = (request.get('X-Readonly') ?? request.query['readonly']) === 'true';
  const choice = [...(typeof names === 'string' && names !== '' ? [names] : []), ...(isReadOnly ? ['readonly'] : [])].join(',');
  if (choice === '') return undefined;
  selectTools(choice);
  return choice;
}

/** What a request asks for beside its message. */
export const hintsOf = (request: Request) => ({ agent: agentHintOf(request), workspace: workspaceHintOf(request), toolset: toolsetOf(request) });

/** What the handlers of an MCP message are to know of the request that brings it. */
export const contextOf = (request: Request, rest: Pick<CallContext, 'principal' | 'correlationId' | 'isCongested'>): CallContext => ({
  ...rest,
  agentHint: agentHintOf(request),
  workspaceHint: workspaceHintOf(request),
  toolset: toolsetOf(request),
});
