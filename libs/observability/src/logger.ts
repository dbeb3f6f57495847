import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

export type { Logger };

const SECRET_KEYS = ['authorization', 'apiKey', 'token', 'password', 'access_token', 'refresh_token', 'id_token', 'OPENAI_API_KEY', 'REDIS_URL'];

/** Errors of libraries carry what they were called with, such as a Redis command with its arguments; none of that is logged. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? String(error.code) : undefined;
  return { type: name, message, stack, ...(code !== undefined && { code }), ...(cause !== undefined && { cause: describeError(cause) }) };
}

/** JSON lines on stdout, or where `destination` puts them. Level names are the usual ones plus `warning`, which older configurations use. */
export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level: level === 'warning' ? 'warn' : level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[secret]' },
  };
  return destination ? pino(options, destination) : pino(options);
}
