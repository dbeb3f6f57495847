import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@codex-mcp/contracts';

/** Nobody answers where the engine or the gateway should be: it restarts, or is not there at all. What was asked may be asked again. */
export class AwayError extends AppError {}

/** What is restarted is back within this time. */
const RETURN_MS = 30_000;
const POLL_MS = 200;

/** Whoever asks for a process's health, or waits for its heartbeat, waits no longer. */
const BRISK_MS = 4000;

/** What `work` brings; rejects where whoever hosts agents takes too long for a sign of life. */
export async function briskly<Result>(work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AwayError('engine_unavailable', `The Docker engine does not answer within ${BRISK_MS / 1000} s. Start it anew, or set AGENT_RUNTIME=process.`)), BRISK_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

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
