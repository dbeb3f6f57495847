import { LOCAL_TENANT, Scope } from '@codex-mcp/contracts';
import type { Response } from 'express';

/** Who calls. Sessions belong to the principal that opened them. */
export type Principal = {
  readonly tenant: string;
  /** Distinguishes tokens of one tenant; reveals none. */
  readonly id: string;
  readonly scopes: ReadonlySet<Scope>;
  /** Whose token it is, as far as anybody said. */
  readonly name?: string | undefined;
  /** When its token ends, epoch ms; of one in the tokens file, that says so itself. */
  readonly expiresAtMs?: number;
  /** Its client can have a token with more scopes, where it is told that they are missing. */
  readonly mayAskForMore?: true;
};

/** Everybody, where the server asks for no tokens. */
export const LOCAL_PRINCIPAL: Principal = { tenant: LOCAL_TENANT, id: LOCAL_TENANT, scopes: new Set(Scope.options) };

const principals = new WeakMap<Response, Principal>();

export const setPrincipal = (response: Response, principal: Principal): void => void principals.set(response, principal);

/** The caller that the guard let in. */
export function principalOf(response: Response): Principal {
  const principal = principals.get(response);
  if (!principal) throw new Error('this route lacks the PrincipalGuard');
  return principal;
}

/** A principal as a call of a tool names it. */
export const asCaller = ({ tenant, id, scopes }: Principal) => ({ tenant, principal: id, scopes });

/** The same of the caller that the guard let in. */
export const callerOf = (response: Response) => asCaller(principalOf(response));

/** The caller, where the guard has let one in. */
export const knownPrincipalOf = (response: Response): Principal | undefined => principals.get(response);
