/** The script cannot be played as written; the message says why. The fake answers it with HTTP 400. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
}
