import { allows, AppError, type Scope } from '@codex-mcp/contracts';
import type { Principal } from './principal.js';

/** Who shows it may do other things here. */
export class InsufficientScope extends AppError {
  constructor(
    /** What would do. */
    readonly scope: Scope,
    what: string,
  ) {
    super('insufficient_scope', `${what} needs the scope "${scope}", which your token does not have. Use one that has it, or ask for one.`);
  }
}

/** The one rule of who may do what. Throws InsufficientScope; `what` begins the sentence. */
export function assertScope({ scopes }: Pick<Principal, 'scopes'>, needed: Scope, what: string): void {
  if (!allows(scopes, needed)) throw new InsufficientScope(needed, what);
}
