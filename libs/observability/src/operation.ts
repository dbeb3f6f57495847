import { AppError, ERROR_CLASSES } from '@codex-mcp/contracts';
import type { Logger } from './logger.js';

/** A caller's mistake is nothing that an operator must look at. */
const levelOf = ({ code }: AppError): 'info' | 'warn' => (ERROR_CLASSES[code].fault === 'caller' ? 'info' : 'warn');

export type OperationFields = Record<string, string | number | boolean | undefined>;

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
  const log = (outcome: string, error?: unknown) => {
    const event = { op: name, outcome, durationMs: Math.round((performance.now() - startedAt) * 10) / 10, ...all };
    if (error === undefined) logger.info(event, name);
    else if (error instanceof AppError) logger[levelOf(error)]({ ...event, code: error.code, reason: error.message }, name);
    else logger.error({ ...event, err: error }, name);
  };
  try {
    const result = await work((more) => Object.assign(all, more));
    log('ok');
    return result;
  } catch (error) {
    log('failed', error);
    throw error;
  }
}
