import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';
import { z } from 'zod';

const Cancelled = z.object({ method: z.literal('notifications/cancelled'), params: z.object({ requestId: z.union([z.string(), z.number()]) }) });

/** The request that a cancellation names; undefined for any other message. */
export const cancelledBy = (message: unknown): RequestId | undefined => Cancelled.safeParse(message).data?.params.requestId;

/** The requests of one connection that have no answer yet. They outlive it, and so does the right to cancel them: the SDK forgets them with it. */
export class RunningRequests {
  private readonly running = new Map<RequestId, AbortController>();
  private onNone: () => void = () => undefined;

  /** Calls back when none is left, at once where there is none. */
  whenNone(done: () => void): void {
    this.onNone = done;
    if (this.running.size === 0) done();
  }

  begin(request: RequestId, cancelled: AbortController): void {
    this.running.set(request, cancelled);
  }

  end(request: RequestId, cancelled: AbortController): void {
    if (this.running.get(request) !== cancelled) return;
    this.running.delete(request);
    if (this.running.size === 0) this.onNone();
  }

  /** Takes a message that came after the connection's end. False for one that cancels none of its requests. */
  takeLate(message: JSONRPCMessage): boolean {
    const request = cancelledBy(message);
    const cancelled = request === undefined ? undefined : this.running.get(request);
    cancelled?.abort();
    return cancelled !== undefined;
  }
}
