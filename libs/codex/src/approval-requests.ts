import type { ApprovalDecision, ApprovalSubject } from '@codex-mcp/contracts';
import { z } from 'zod';
import { toApprovalSubject } from './approval-requests.mapper.js';
import { ApprovalRequest, type FileChange, ThreadItem } from './protocol.js';

/** `key` is the same when Codex asks again over another connection. */
export type AskedApproval = { readonly key: string; readonly subject: ApprovalSubject };
export type ApprovalHandler = (asked: AskedApproval) => Promise<ApprovalDecision>;

const ItemNotification = z.looseObject({ item: ThreadItem });

const DECISIONS: Record<ApprovalDecision, string> = { accept: 'accept', accept_for_session: 'acceptForSession', decline: 'decline', cancel: 'cancel' };

/**
 * What Codex asks before it acts, over one connection. Codex asks anew as soon as a thread is resumed; a question waits
 * until somebody listens to its thread.
 */
export class ApprovalRequests {
  private readonly handlers = new Map<string, ApprovalHandler>();
  private readonly waiting = new Map<string, ((handler: ApprovalHandler) => void)[]>();
  /** Of file changes under way, by item: Codex asks without saying what it is about. */
  private readonly changes = new Map<string, readonly FileChange[]>();

  /** Returns a function that ends it. */
  listen(threadId: string, handler: ApprovalHandler): () => void {
    this.handlers.set(threadId, handler);
    for (const resolve of this.waiting.get(threadId) ?? []) resolve(handler);
    this.waiting.delete(threadId);
    return () => void (this.handlers.get(threadId) === handler && this.handlers.delete(threadId));
  }

  /** Call for each notification. */
  observe(method: string, params: unknown): void {
    if (method !== 'item/started' && method !== 'item/completed') return;
    const item = ItemNotification.safeParse(params).data?.item;
    if (item?.type !== 'fileChange') return;
    if (method === 'item/started') this.changes.set(item.id, item.changes);
    else this.changes.delete(item.id);
  }

  /** The answer in Codex's words. What cannot be understood is declined. */
  async answer(id: string | number, method: string, params: unknown): Promise<unknown> {
    const request = ApprovalRequest.safeParse({ method, params });
    if (!request.success) return method === PERMISSIONS ? NO_PERMISSIONS : { decision: 'decline' };
    const { threadId, itemId } = request.data.params;
    const handler = this.handlers.get(threadId) ?? (await this.listener(threadId));
    const decision = await handler({ key: `${itemId} ${id}`, subject: toApprovalSubject(request.data, this.changes.get(itemId) ?? []) });
    if (request.data.method !== PERMISSIONS) return { decision: DECISIONS[decision] };
    const granted = { permissions: request.data.params.permissions, scope: decision === 'accept' ? 'turn' : 'session' };
    return decision === 'accept' || decision === 'accept_for_session' ? granted : NO_PERMISSIONS;
  }

  private listener(threadId: string): Promise<ApprovalHandler> {
    return new Promise((resolve) => this.waiting.set(threadId, [...(this.waiting.get(threadId) ?? []), resolve]));
  }
}

const PERMISSIONS = 'item/permissions/requestApproval';
const NO_PERMISSIONS = { permissions: {}, scope: 'turn' };
