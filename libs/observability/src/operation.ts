import { AppError, ERROR_CLASSES } from '@codex-mcp/contracts';
import type { Logger } from './logger.js';

/** A caller's mistake is nothing that an operator must look at. */
const levelOf = ({ code }: AppError): 'info' | 'warn' => (ERROR_CLASSES[code].fault === 'caller' ? 'info' : 'warn');

export type OperationFields = Record<string, string | number | boolean | undefined>;

/** Logs the one event of an operation that is over: with `error`, one that failed. */
export function logOperation(logger: Logger, name: string, fields: OperationFields, durationMs: number, error?: unknown): void {
  const event = { op: name, outcome: error === undefined ? 'ok' : 'failed', durationMs: Math.round(durationMs * 10) / 10, ...fields };
  if (error === undefined) logger.info(event, name);
  else if (error instanceof AppError) logger[levelOf(error)]({ ...event, code: error.code, reason: error.message }, name);
  else logger.error({ ...event, err: error }, name);
}

/**
 * Runs `work` and logs exactly one event for it: name, outcome, duration in ms, and whatever fields
 * the work adds. Errors are logged with their stack and thrown on.
 */
export async function operation<Result>(
  logger: Logger,
  name: string,
  fields: OperationFields,
  work: (add: (more: OperationFields) => void) => Promise<Result>,
): Promise<Result> {
  const startedAt = performance.now();
  const all = { ...fields };
  try {
    const result = await work((more) => Object.assign(all, more));
    logOperation(logger, name, all, performance.now() - startedAt);
    return result;
  } catch (error) {
    logOperation(logger, name, all, performance.now() - startedAt, error);
    throw error;
  }
}
