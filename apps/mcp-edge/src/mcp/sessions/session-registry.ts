import type { Principal } from '../../access/principal.js';

export type RegisteredSession = { readonly principal: Principal; /** It is in use, however long nobody has asked for it. */ readonly isBusy?: boolean; close(): Promise<void> };

type Limits = { readonly maxSessions: number; readonly maxIdleMs: number; readonly onChange: (count: number) => void };

/** Open sessions by id, the least recently used first. */
export class SessionRegistry<Session extends RegisteredSession> {
  private readonly sessions = new Map<string, { session: Session; usedAtMs: number }>();
  private readonly sweeper: NodeJS.Timeout;

  constructor(
    private readonly limits: Limits,
    private readonly now: () => number = Date.now,
  ) {
    this.sweeper = setInterval(() => this.sweep(), Math.min(limits.maxIdleMs, 60_000)).unref();
  }

  add(id: string, session: Session): void {
    this.sessions.set(id, { session, usedAtMs: this.now() });
    if (this.sessions.size > this.limits.maxSessions) this.makeRoom(id);
    this.limits.onChange(this.sessions.size);
  }

  /** The session, if it is the principal's: a session id is no authentication. */
  use(id: string, principal: Principal): Session | undefined {
    const entry = this.sessions.get(id);
    if (!entry || entry.session.principal.id !== principal.id) return undefined;
    this.sessions.delete(id);
    this.sessions.set(id, { session: entry.session, usedAtMs: this.now() });
    return entry.session;
  }

  /** The session, for what its principal has been allowed before. */
  peek(id: string): Session | undefined {
    return this.sessions.get(id)?.session;
  }

  delete(id: string): void {
    this.sessions.delete(id);
    this.limits.onChange(this.sessions.size);
  }

  /** Ends the sessions that nobody has used for too long. */
  sweep(): void {
    for (const [id, { session, usedAtMs }] of this.sessions) {
      if (this.now() - usedAtMs <= this.limits.maxIdleMs) return; // all that follow were used later
      if (!session.isBusy) this.end(id);
    }
  }

  /** The sessions that are in use, with their ids. */
  busy(): [string, Session][] {
    return [...this.sessions].flatMap(([id, { session }]) => (session.isBusy ? [[id, session]] : []));
  }

  async close(): Promise<void> {
    clearInterval(this.sweeper);
    await Promise.all([...this.sessions.values()].map(({ session }) => session.close().catch(() => undefined)));
    this.sessions.clear();
  }

  /** Ends the longest unused session; one in use only where all are. */
  private makeRoom(newcomer: string): void {
    const [oldest] = this.sessions.keys();
    let leaving = oldest;
    for (const [id, { session }] of this.sessions) {
      if (session.isBusy || id === newcomer) continue;
      leaving = id;
      break;
    }
    if (leaving !== undefined) this.end(leaving);
  }

  private end(id: string): void {
    const entry = this.sessions.get(id);
    this.delete(id);
    entry?.session.close().catch(() => undefined);
  }
}
