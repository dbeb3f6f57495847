import type { RequestId } from '@modelcontextprotocol/sdk/types.js';

type Waiting = { readonly settled: Promise<void>; readonly settle: () => void };

/** A client's requests that have no answer yet. */
export class PendingRequests {
  private readonly waiting = new Map<RequestId, Waiting>();

  add(id: RequestId): void {
    let settle = (): void => undefined;
    const settled = new Promise<void>((resolve) => (settle = resolve));
    this.waiting.set(id, { settled, settle });
  }

  has(id: RequestId): boolean {
    return this.waiting.has(id);
  }

  /** The request gets its answer now, or none. False where that was so before. */
  settle(id: RequestId): boolean {
    this.waiting.get(id)?.settle();
    return this.waiting.delete(id);
  }

  /** Resolves when the request is settled. */
  async settled(id: RequestId): Promise<void> {
    await this.waiting.get(id)?.settled;
  }

  /** Resolves when there is none. */
  async empty(): Promise<void> {
    while (this.waiting.size > 0) await Promise.all([...this.waiting.values()].map(({ settled }) => settled));
  }
}
