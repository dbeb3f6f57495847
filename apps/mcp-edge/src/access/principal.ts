import { LOCAL_TENANT } from '@codex-mcp/contracts';
import type { Response } from 'express';

/** Who calls. Sessions belong to the principal that opened them. */
export type Principal = {
  readonly tenant: string;
  /** Distinguishes tokens of one tenant. */
  readonly id: string;
};

export const LOCAL_PRINCIPAL: Principal = { tenant: LOCAL_TENANT, id: LOCAL_TENANT };

const principals = new WeakMap<Response, Principal>();

export const setPrincipal = (response: Response, principal: Principal): void => void principals.set(response, principal);

/** The caller that the guard let in. */
export function principalOf(response: Response): Principal {
  const principal = principals.get(response);
  if (!principal) throw new Error('this route lacks the PrincipalGuard');
  return principal;
}

/** The same as a call of a tool names it. */
export function callerOf(response: Response): { readonly tenant: string; readonly principal: string } {
  const { tenant, id } = principalOf(response);
  return { tenant, principal: id };
}

/** The caller, where the guard has let one in. */
export const knownPrincipalOf = (response: Response): Principal | undefined => principals.get(response);
