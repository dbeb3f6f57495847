import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@codex-mcp/contracts';

/** Nobody answers where the engine or the gateway should be: it restarts, or is not there at all. What was asked may be asked again. */
export class AwayError extends AppError {}

/** What is restarted is back within this time. */
const RETURN_MS = 30_000;
const POLL_MS = 200;

/** Repeats what needs somebody who is away, until that one is back. `command` must be harmless when repeated. */
export async function patiently<Result>(command: () => Promise<Result>): Promise<Result> {
  for (const deadline = Date.now() + RETURN_MS; ; await delay(POLL_MS)) {
    try {
      return await command();
    } catch (error) {
      if (!(error instanceof AwayError) || Date.now() > deadline) throw error;
    }
  }
}
