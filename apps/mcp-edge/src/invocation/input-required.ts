import type { JsonObject } from '@codex-mcp/tools';
import type { Question } from './invocation.js';

/** Thrown by `ask` where a client is asked by answering its request; no failure, and for nobody but the protocol adapter to catch. */
export class InputRequired extends Error {
  override readonly name = 'InputRequired';

  constructor(
    readonly questions: Readonly<Record<string, Question>>,
    /** Comes back with the answers. */
    readonly state: JsonObject,
  ) {
    super('the client is asked');
  }
}
