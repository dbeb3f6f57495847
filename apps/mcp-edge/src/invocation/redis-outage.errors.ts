import { AppError } from '@codex-mcp/contracts';

const OUTAGE_NAMES = new Set(['MaxRetriesPerRequestError', 'ClusterAllFailedError']);
const OUTAGE_MESSAGES = [/^Command timed out$/, /^Connection is closed/, /^Stream isn't writeable/, /^Socket closed/, /^Connection in subscriber mode/];
const OUTAGE_CODES = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/;

export const redisOutage = (cause?: unknown): AppError =>
  new AppError('service_unavailable', 'Redis does not answer, so nothing can be queued or looked up. Check that it runs and that REDIS_URL is right, then try again.', { cause });

/** Only the first word of Redis's reply, such as OOM or NOAUTH: the rest may quote data. */
const redisRefusal = (cause: Error): AppError =>
  new AppError('service_unavailable', `Redis refuses commands (${cause.message.split(' ', 1)[0]?.slice(0, 40)}). Check its memory, its password and its log, then try again.`, { cause });

/** What ioredis throws while Redis is away or refuses to work, as an error for the caller; anything else as it is. */
export function asCallerError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  if (error.name === 'ReplyError') return redisRefusal(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const isOutage = OUTAGE_NAMES.has(error.name) || OUTAGE_CODES.test(code) || OUTAGE_MESSAGES.some((pattern) => pattern.test(error.message));
  return isOutage ? redisOutage(error) : error;
}

/** Rejects like an outage when `work` takes longer; what it still does is not waited for. */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(redisOutage()), timeoutMs);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
