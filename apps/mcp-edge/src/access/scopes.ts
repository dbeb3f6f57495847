import { allows, AppError, Scope } from '@codex-mcp/contracts';
import type { Principal } from './principal.js';

/** Who shows it may do other things here. */
export class InsufficientScope extends AppError {
  constructor(
    /** What a token should have to do this as well as what it does. */
    readonly wanted: readonly Scope[],
    needed: Scope,
    what: string,
  ) {
    super('insufficient_scope', `${what} needs the scope "${needed}", which your token does not have. Use one that has it, or ask for one.`);
  }
}

/** The one rule of who may do what. Throws InsufficientScope; `what` begins the sentence. */
export function assertScope({ scopes }: Pick<Principal, 'scopes'>, needed: Scope, what: string): void {
  if (!allows(scopes, needed)) throw new InsufficientScope(Scope.options.filter((scope) => scopes.has(scope) || scope === needed), needed, what);
}
