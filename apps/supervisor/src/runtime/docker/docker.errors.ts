import { AppError } from '@codex-mcp/contracts';
import { AwayError } from '../../patience.js';

const statusOf = (error: unknown): number | undefined =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;

export const isNotFound = (error: unknown): boolean => statusOf(error) === 404;
export const isNotModified = (error: unknown): boolean => statusOf(error) === 304;

/** Throws what the engine said as an error for the caller. */
export function toEngineError(error: unknown): never {
  if (error instanceof AppError) throw error;
  const words = error instanceof Error ? error.message : String(error);
  if (statusOf(error) === undefined) throw new AwayError('engine_unavailable', `The Docker engine does not answer (${words}). Start it, or start it anew, or set AGENT_RUNTIME=process.`, { cause: error });
  throw new AppError('agent_start_failed', `The Docker engine refused: ${words}`, { cause: error });
}

export function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) toEngineError(error);
}

/** What the engine holds to be in use. */
export const isConflict = (error: unknown): boolean => statusOf(error) === 409;

/** Whether the engine itself said no, as opposed to not answering. */
export const isRefusal = (error: unknown): boolean => statusOf(error) !== undefined;
