import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { AuditLog, type Logger } from '@codex-mcp/observability';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../access/principal.js';
import { TokensFile } from '../../access/tokens-file.service.js';
import type { EdgeConfig } from '../../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../../edge.tokens.js';
import { EdgeMetrics } from '../../health/edge.metrics.js';
import { McpServerFactory } from '../mcp-server.factory.js';
import { EventLog } from './event-log.js';
import { isAnswer, isNotification } from './message-kind.js';
import { type NoteOf, ReplicaChannel } from './replica-channel.js';
import { ResourceSubscriptions } from './resource-subscriptions.service.js';
import { cancelledBy } from './running-requests.js';
import { sessionEntry } from './session.audit.js';
import { SessionRegistry } from './session-registry.js';
import { type SessionRecord, SessionStore } from './session-store.js';
import { askedBy, SessionTransport } from './session-transport.js';

/** What nobody uses for that long is made again when it is. */
const LOCAL_IDLE_MS = 10 * 60_000;
/** How long a session that another replica has ended may go on here, where the news got lost; less where sessions end sooner. */
const MAX_RECHECK_MS = 60_000;

type LocalSession = { readonly principal: Principal; readonly transport: SessionTransport; readonly isBusy: boolean; checkedAtMs: number; close(): Promise<void> };

/** Sessions over Streamable HTTP. They live in Redis; each replica that is asked for one makes the protocol server that it needs for it. */
@Injectable()
export class HttpSessions implements BeforeApplicationShutdown {
  private readonly local: SessionRegistry<LocalSession>;
  private readonly restoring = new Map<string, Promise<LocalSession | undefined>>();
  private readonly recheckMs: number;
  private readonly rechecks: NodeJS.Timeout;

  constructor(
    private readonly servers: McpServerFactory,
    private readonly store: SessionStore,
    private readonly replicas: ReplicaChannel,
    private readonly log: EventLog,
    private readonly subscriptions: ResourceSubscriptions,
    private readonly audit: AuditLog,
    @Inject(EDGE_CONFIG) config: EdgeConfig,
    metrics: EdgeMetrics,
    tokens: TokensFile,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const maxIdleMs = Math.min(LOCAL_IDLE_MS, config.MCP_SESSION_IDLE);
    this.local = new SessionRegistry({ maxSessions: config.MAX_MCP_SESSIONS, maxIdleMs, onChange: (count) => metrics.setSessions('http', count) });
    this.recheckMs = Math.min(MAX_RECHECK_MS, config.MCP_SESSION_IDLE / 4);
    this.rechecks = setInterval(() => this.local.busy().forEach(([id, session]) => void this.isAlive(id, session)), this.recheckMs).unref();
    tokens.onEnded((principals) => void this.endOf(principals));
    replicas.on('notification', (note) => this.hear(note));
    replicas.on('message', ({ session, message }) => this.local.peek(session)?.transport.deliver(message as JSONRPCMessage));
    replicas.on('ended', ({ session }) => void this.local.peek(session)?.close());
  }

  /** A new session, known to all replicas; `initialize` are the parameters of that request. */
  async open(initialize: Record<string, unknown>, hints: SessionRecord['hints'], principal: Principal): Promise<SessionTransport> {
    const record: SessionRecord = { transport: 'http', principalId: principal.id, replica: this.replicas.self, hints, initialize };
    const id = await this.store.add(record);
    this.audit.record(sessionEntry('session.opened', id, 'http', principal, initialize['clientInfo']));
    return (await this.serve(id, record, principal)).transport;
  }

  /** The session, if it is the principal's and has not ended. */
  async find(id: string, principal: Principal): Promise<SessionTransport | undefined> {
    const session = this.local.use(id, principal) ?? (await this.restore(id, principal));
    if (!session || session.principal.id !== principal.id) return undefined;
    return (await this.isAlive(id, session)) ? session.transport : undefined;
  }

  async end(id: string): Promise<void> {
    await this.store.remove(id);
    const principal = this.local.peek(id)?.principal;
    this.audit.record(sessionEntry('session.ended', id, 'http', principal));
    await this.local.peek(id)?.close();
    this.replicas.tellAll({ type: 'ended', session: id });
  }

  /** Ends the sessions of principals who are no longer let in. Where Redis is away, those that others hold expire. */
  private async endOf(principals: ReadonlySet<string>): Promise<void> {
    try {
      for (const id of await this.store.ofPrincipals(principals)) await this.end(id);
    } catch (error) {
      this.logger.warn({ err: error }, 'sessions of tokens that are no longer accepted could not be ended; nobody can use them');
    }
  }

  /** Brings messages of a client on to the replicas that they concern; returns those for this one. */
  async pass(id: string, transport: SessionTransport, messages: readonly JSONRPCMessage[]): Promise<JSONRPCMessage[]> {
    const mine = await Promise.all(messages.map((message) => this.passOne(id, transport, message)));
    return mine.flat();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.rechecks);
    await this.local.close();
  }

  /** Puts the end of a session in use off. False when it has ended elsewhere; then it ends here. */
  private async isAlive(id: string, session: LocalSession): Promise<boolean> {
    if (Date.now() - session.checkedAtMs < this.recheckMs) return true;
    session.checkedAtMs = Date.now();
    if (await this.store.touch(id).catch(() => true)) return true;
    await session.close();
    return false;
  }

  private async passOne(session: string, transport: SessionTransport, message: JSONRPCMessage): Promise<JSONRPCMessage[]> {
    if (isAnswer(message)) {
      const asked = askedBy(message);
      if (!asked) return [];
      const answer = { ...message, id: asked.id } as JSONRPCMessage;
      if (asked.replica === this.replicas.self) return [answer];
      await this.replicas.tell(asked.replica, { type: 'message', session, message: answer });
      return [];
    }
    const concernsOthers = isNotification(message) && (message.method === 'notifications/roots/list_changed' || isForOther(transport, message));
    if (concernsOthers) this.replicas.tellAll({ type: 'notification', session, message });
    return concernsOthers ? [] : [message];
  }

  private hear({ session, message }: NoteOf<'notification'>): void {
    const transport = this.local.peek(session)?.transport;
    if (transport && !isForOther(transport, message)) transport.deliver(message as JSONRPCMessage);
  }

  private async restore(id: string, principal: Principal): Promise<LocalSession | undefined> {
    const key = JSON.stringify([principal.id, id]);
    const pending = this.restoring.get(key) ?? this.remake(id, principal).finally(() => this.restoring.delete(key));
    this.restoring.set(key, pending);
    return pending;
  }

  private async remake(id: string, principal: Principal): Promise<LocalSession | undefined> {
    const record = await this.store.find(id);
    if (record?.transport !== 'http' || !record.initialize || record.principalId !== principal.id) return undefined;
    const session = await this.serve(id, record, principal);
    await session.transport.restore(record.initialize);
    return session;
  }

  private async serve(id: string, { hints }: SessionRecord, principal: Principal): Promise<LocalSession> {
    const transport = new SessionTransport(id, this.replicas.self, this.log);
    let isOpen = true;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport is no EventTarget
    transport.onclose = () => {
      isOpen = false;
      this.local.delete(id);
    };
    const server = this.servers.create({
      era: 'sessions',
      hints,
      directories: { get: (agentId) => this.store.directoryOf(id, agentId), set: (...named) => this.store.rememberDirectory(id, ...named) },
      isOpen: () => isOpen,
      // The cancelled request gets no answer, so nothing else would end its stream.
      onCancelled: (requestId) => transport.abandon(requestId),
    });
    await server.connect(transport);
    const { subscriptions } = this;
    const session: LocalSession = {
      principal,
      transport,
      get isBusy() {
        return transport.isBusy || subscriptions.has(id);
      },
      checkedAtMs: Date.now(),
      close: () => transport.close(),
    };
    this.local.add(id, session);
    return session;
  }
}

/** A cancellation of a request that another replica answers. */
function isForOther(transport: SessionTransport, message: unknown): boolean {
  const requestId = cancelledBy(message);
  return requestId !== undefined && !transport.serves(requestId);
}
