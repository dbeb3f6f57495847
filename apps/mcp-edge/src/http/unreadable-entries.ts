import { type Logger, sparingly } from '@codex-mcp/observability';

const EVERY_MS = 60_000;

/** Says, once a minute, that something in a stream of Redis is none of its entries and was passed over. */
export const noteUnreadable = (logger: Logger): ((where: { stream: string; id: string }) => void) =>
  sparingly(EVERY_MS, (where, times) => logger.warn({ event: 'entry_unreadable', ...where, times }, 'an entry of a log in Redis cannot be read and is passed over'));
