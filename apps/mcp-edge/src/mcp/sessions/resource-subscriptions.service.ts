import { Injectable } from '@nestjs/common';
import { ResourceUpdates } from '../../resources/resource-updates.service.js';
import type { McpRequest } from '../mcp-request.js';
import { ReplicaChannel } from './replica-channel.js';

/** Of one session at a time. */
const MAX_SUBSCRIPTIONS = 100;

/** What sessions want to hear of. A subscription lives where it was made; it is taken back at whichever replica. */
@Injectable()
export class ResourceSubscriptions {
  private readonly of = new Map<string, Map<string, AbortController>>();

  constructor(
    private readonly updates: ResourceUpdates,
    private readonly replicas: ReplicaChannel,
  ) {
    replicas.on('unsubscribed', ({ session, uri }) => this.end(session, uri));
    replicas.on('ended', ({ session }) => this.endAll(session));
  }

  /** Whether a session is in use though its client is silent. */
  has(session: string): boolean {
    return this.of.has(session);
  }

  /** Rejects like {@link ResourceUpdates.watch}. One that is subscribed already, or too many, is passed over. */
  async subscribe({ sessionId = '', session, principal }: McpRequest, uri: string): Promise<void> {
    const known = this.of.get(sessionId) ?? new Map<string, AbortController>();
    if (!session || known.has(uri) || known.size >= MAX_SUBSCRIPTIONS) return;
    const ending = new AbortController();
    known.set(uri, ending);
    this.of.set(sessionId, known);
    session.ended.addEventListener('abort', () => this.end(sessionId, uri), { once: true });
    const tell = () => session.notify({ method: 'notifications/resources/updated', params: { uri } });
    try {
      await this.updates.watch(principal.tenant, uri, tell, () => this.end(sessionId, uri), ending.signal);
    } catch (error) {
      this.end(sessionId, uri);
      throw error;
    }
  }

  unsubscribe({ sessionId = '' }: McpRequest, uri: string): void {
    this.replicas.tellAll({ type: 'unsubscribed', session: sessionId, uri });
    this.end(sessionId, uri);
  }

  private end(session: string, uri: string): void {
    const known = this.of.get(session);
    known?.get(uri)?.abort();
    known?.delete(uri);
    if (known?.size === 0) this.of.delete(session);
  }

  private endAll(session: string): void {
    for (const uri of this.of.get(session)?.keys() ?? []) this.end(session, uri);
  }
}
