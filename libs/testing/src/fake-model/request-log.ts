import type { IncomingHttpHeaders } from 'node:http';
import type { ModelRequest } from './model-request.js';
import type { Step } from './step.schema.js';

/** One HTTP request that the fake has received. Times are epoch milliseconds with fractions. */
export interface RecordedRequest {
  readonly id: number;
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON, else the text. */
  readonly body: unknown;
  /** Size of the body on the wire. */
  readonly bytes: number;
  /** Set for requests for a model response. */
  readonly model?: ModelRequest;
  /** The step that answers it. */
  readonly step?: Step;
  /** HTTP status of the answer; unset while there is none. */
  readonly status?: number;
  readonly firstByteAt?: number;
  readonly endedAt?: number;
  /** The client left before its answer was complete. */
  readonly aborted: boolean;
}

export type ModelResponseRequest = RecordedRequest & { readonly model: ModelRequest };

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Waiter {
  readonly predicate: (request: RecordedRequest) => boolean;
  readonly settle: (found: RecordedRequest | undefined) => void;
}

/** Epoch milliseconds, finer than Date.now() and comparable between processes. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** What the fake has received, oldest first; the oldest are dropped beyond `limit`. */
export class RequestLog {
  private entries: Mutable<RecordedRequest>[] = [];
  private readonly waiters = new Set<Waiter>();
  private nextId = 1;

  constructor(private readonly limit: number) {}

  get requests(): readonly RecordedRequest[] {
    return this.entries;
  }

  add(request: Omit<RecordedRequest, 'id' | 'at' | 'aborted'>): RecordedRequest {
    const entry: RecordedRequest = { id: this.nextId++, at: preciseNow(), aborted: false, ...request };
    this.entries.push(entry);
    if (this.entries.length > this.limit) this.entries.shift();
    this.notify(entry);
    return entry;
  }

  update(entry: RecordedRequest, change: Partial<RecordedRequest>): void {
    Object.assign(entry, change);
    this.notify(entry);
  }

  clear(): void {
    this.entries = [];
  }

  /** Resolves with the first request, past or future, for which the predicate holds; looks again when one changes. */
  async waitFor(predicate: Waiter['predicate'], timeoutMs: number): Promise<RecordedRequest> {
    const known = this.entries.find((entry) => predicate(entry));
    if (known) return known;
    const found = await this.next(predicate, timeoutMs);
    if (found) return found;
    const seen = this.entries.slice(-10).map((entry) => `${entry.method} ${entry.path} ${entry.status ?? 'unanswered'}`);
    throw new Error(
      `no matching request reached the fake model within ${timeoutMs} ms; it has seen ${this.entries.length}: ${seen.join(', ')}`,
    );
  }

  private async next(predicate: Waiter['predicate'], timeoutMs: number): Promise<RecordedRequest | undefined> {
    let waiter: Waiter | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<RecordedRequest | undefined>((settle) => {
        waiter = { predicate, settle };
        this.waiters.add(waiter);
        timer = setTimeout(() => settle(undefined), timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      if (waiter) this.waiters.delete(waiter);
    }
  }

  private notify(entry: RecordedRequest): void {
    for (const waiter of this.waiters) {
      if (waiter.predicate(entry)) waiter.settle(entry);
    }
  }
}
