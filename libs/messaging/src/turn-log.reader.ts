import { LoggedEvent } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { keys } from './keys.js';

/** An event with its place in the log; `id` is the cursor to resume after. */
export type LogEntry = LoggedEvent & { id: string };
type Listener = (entry: LogEntry) => void;
type Topic = { last: string; live: boolean; dirty: boolean; listeners: Set<Listener> };

const BEGINNING = '0-0';

/**
 * Follows many turn logs over one subscriber connection. Every listener gets every entry after its cursor
 * once and in order, also across reconnects: announcements only say that there is more, the stream has it all.
 */
export class TurnLogReader {
  private readonly topics = new Map<string, Topic>();
  private readonly bells = new Map<string, Set<() => void>>();

  constructor(
    private readonly subscriber: Redis,
    private readonly commands: Redis,
    /** Told of what is no event of a turn, whoever put it into a log; readers go on behind it. */
    private readonly onUnreadable: (turnLog: string, id: string) => void = () => undefined,
  ) {
    subscriber.on('message', (key: string, message: string) => this.onAnnouncement(key, message));
    subscriber.on('close', () => this.topics.forEach((topic) => (topic.live = false)));
    subscriber.on('ready', () => this.attachAll());
  }

  /** Replays everything after the cursor `after`, then stays live until the returned function is called. */
  async follow(turnId: string, listener: Listener, after = BEGINNING): Promise<() => void> {
    const key = keys.turnLog(turnId);
    const known = this.topics.get(key);
    if (known) return this.join(key, known, listener, after);
    this.topics.set(key, { last: after, live: false, dirty: false, listeners: new Set([listener]) });
    try {
      if (this.subscriber.status === 'ready') await this.attach(key);
    } catch (error) {
      this.leave(key, listener);
      throw error;
    }
    return () => this.leave(key, listener);
  }

  /** Calls `ring` when a log has grown, or may have while the connection was lost, until the returned function is called. Reads nothing: a slow reader would make this process hold it. */
  async bell(turnId: string, ring: () => void): Promise<() => void> {
    const key = keys.turnLog(turnId);
    const rings = this.bells.get(key) ?? new Set();
    this.bells.set(key, rings.add(ring));
    const leave = () => {
      if (!rings.delete(ring) || rings.size > 0) return;
      this.bells.delete(key);
      this.unsubscribe(key);
    };
    try {
      if (this.subscriber.status === 'ready') await this.subscriber.subscribe(key);
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /** Entries of a log after a cursor, the first (at most `limit`) or all of them, without following it. None only where there are none. */
  async read(turnId: string, after = BEGINNING, limit?: number): Promise<LogEntry[]> {
    const key = keys.turnLog(turnId);
    for (let cursor = after; ; ) {
      const range = [key, `(${cursor}`, '+'] as const;
      const rows = await (limit === undefined ? this.commands.xrange(...range) : this.commands.xrange(...range, 'COUNT', limit));
      const entries = rows.flatMap(([id, fields]) => this.parse(key, id, fields[1]) ?? []);
      const last = rows.at(-1);
      if (entries.length > 0 || !last) return entries;
      [cursor] = last;
    }
  }

  /** A second listener catches up by itself to where the topic stands, then shares it. */
  private async join(key: string, topic: Topic, listener: Listener, after: string): Promise<() => void> {
    let cursor = after;
    const deliver = (entry: LogEntry | undefined) => {
      if (!entry || !isAfter(entry.id, cursor)) return;
      cursor = entry.id;
      listener(entry);
    };
    const early: LogEntry[] = [];
    let caughtUp = false;
    const shared: Listener = (entry) => (caughtUp ? deliver(entry) : early.push(entry));
    topic.listeners.add(shared);
    for (const [id, fields] of await this.commands.xrange(key, `(${after}`, '+')) deliver(this.parse(key, id, fields[1]));
    caughtUp = true;
    early.forEach(deliver);
    return () => this.leave(key, shared);
  }

  private leave(key: string, listener: Listener): void {
    const topic = this.topics.get(key);
    if (!topic?.listeners.delete(listener) || topic.listeners.size > 0) return;
    this.topics.delete(key);
    this.unsubscribe(key);
  }

  private unsubscribe(key: string): void {
    if (!this.topics.has(key) && !this.bells.has(key)) this.subscriber.unsubscribe(key).catch(() => undefined);
  }

  private onAnnouncement(key: string, message: string): void {
    this.bells.get(key)?.forEach((ring) => ring());
    const topic = this.topics.get(key);
    if (!topic) return;
    const space = message.indexOf(' ');
    if (topic.live) this.deliver(key, topic, message.slice(0, space), message.slice(space + 1));
    else topic.dirty = true;
  }

  private attachAll(): void {
    for (const key of this.topics.keys()) this.attach(key).catch(() => undefined);
    for (const [key, rings] of this.bells) this.subscriber.subscribe(key).then(() => rings.forEach((ring) => ring()), () => undefined);
  }

  private async attach(key: string): Promise<void> {
    await this.subscriber.subscribe(key);
    for (let topic = this.topics.get(key); topic && !topic.live; topic = this.topics.get(key)) {
      topic.dirty = false;
      for (const [id, fields] of await this.commands.xrange(key, `(${topic.last}`, '+')) this.deliver(key, topic, id, fields[1]);
      topic.live = !topic.dirty;
    }
  }

  private deliver(key: string, topic: Topic, id: string, json: string | undefined): void {
    if (!isAfter(id, topic.last)) return;
    const entry = this.parse(key, id, json);
    if (!entry) return;
    topic.last = id;
    for (const listener of topic.listeners) listener(entry);
  }

  private parse(key: string, id: string, json: string | undefined): LogEntry | undefined {
    const entry = entryOf(id, json);
    if (!entry) this.onUnreadable(key, id);
    return entry;
  }
}

function entryOf(id: string, json: string | undefined): LogEntry | undefined {
  try {
    const { data } = LoggedEvent.safeParse(JSON.parse(json ?? ''));
    return data && { id, ...data };
  } catch {
    return undefined;
  }
}

/** Stream ids are `<ms>-<sequence>`; both parts compare as numbers. */
export function isAfter(a: string, b: string): boolean {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number);
  return aMs > bMs || (aMs === bMs && aSeq > bSeq);
}
