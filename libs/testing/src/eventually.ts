import { setTimeout as delay } from 'node:timers/promises';

export interface EventuallyOptions {
  /** 10 s by default. */
  readonly timeoutMs?: number;
  /** 20 ms by default. */
  readonly intervalMs?: number;
}

type Falsy = false | 0 | 0n | '' | null;

/**
 * Calls `attempt` until it returns something truthy, and returns that; or, for an assertion that returns nothing,
 * until it does not throw. Rejects after `timeoutMs` with the last error or value in the message.
 * A function that may return undefined is neither (a type error): let it return null or false for "not yet".
 */
export async function eventually(attempt: () => void | Promise<void>, options?: EventuallyOptions): Promise<void>;
export async function eventually<T extends object | string | number | bigint | boolean | null>(
  attempt: () => T | Promise<T>,
  options?: EventuallyOptions,
): Promise<Exclude<T, Falsy>>;
export async function eventually(attempt: () => unknown, options: EventuallyOptions = {}): Promise<unknown> {
  const { timeoutMs = 10_000, intervalMs = 20 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const outcome = await tryOnce(attempt);
    if ('value' in outcome) return outcome.value;
    if (performance.now() >= deadline) {
      throw new Error(`not so within ${timeoutMs} ms; last: ${outcome.reason}`, { cause: outcome.cause });
    }
    await delay(intervalMs);
  }
}

type Outcome = { readonly value: unknown } | { readonly reason: string; readonly cause?: unknown };

async function tryOnce(attempt: () => unknown): Promise<Outcome> {
  try {
    const value = await attempt();
    return value === undefined || Boolean(value) ? { value } : { reason: `returned ${JSON.stringify(value)}` };
  } catch (cause) {
    return { reason: cause instanceof Error ? cause.message : String(cause), cause };
  }
}
