const SECONDS = /^\d+(\.\d+)?$/;

/** Milliseconds that a `Retry-After` header asks to wait: seconds, or an HTTP date. Undefined where it says nothing readable. */
export function retryAfterMs(value: string | string[] | undefined, now = Date.now()): number | undefined {
  const text = (Array.isArray(value) ? value[0] : value)?.trim() ?? '';
  if (SECONDS.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
