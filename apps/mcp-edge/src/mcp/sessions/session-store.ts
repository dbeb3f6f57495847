import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { EdgeConfig } from '../../edge.config.js';
import { EDGE_CONFIG, REDIS } from '../../edge.tokens.js';
import { resultsOf } from './pipeline.js';

const Hints = z.object({ agent: z.string().optional(), workspace: z.string().optional(), toolset: z.string().optional() });

/** What every replica may know of a session. */
export const SessionRecord = z.object({
  transport: z.enum(['http', 'sse']),
  /** A session id is no authentication: it is the session of this principal only. */
  principalId: z.string(),
  /** The replica that holds the stream; of a session over HTTP, which any replica serves, the one that opened it. */
  replica: z.string(),
  hints: Hints,
  /** The parameters of `initialize`, of which another replica makes the session again. */
  initialize: z.record(z.string(), z.unknown()).optional(),
});
export type SessionRecord = z.infer<typeof SessionRecord>;

export const sessionKey = (id: string): string => `codex-mcp:mcp:session:${id}`;
/** The ids of all sessions by when they were used last. */
export const SESSIONS = 'codex-mcp:mcp:sessions';

/** 128 random bits; a UUID has fewer. */
export const newSessionId = (): string => randomBytes(16).toString('hex');

/** In one command, when all are looked at. */
const SCANNED = 500;
const workspacesKey = (id: string): string => `${sessionKey(id)}:workspaces`;

/** The sessions of all replicas, which end when nobody has used them for MCP_SESSION_IDLE, or when more than MAX_MCP_SESSIONS others were used later. */
@Injectable()
export class SessionStore {
  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {}

  /** Returns the new session's id. */
  async add(record: SessionRecord, id: string = newSessionId()): Promise<string> {
    const { MCP_SESSION_IDLE: idleMs, MAX_MCP_SESSIONS: max } = this.config;
    const nowMs = Date.now();
    const pipeline = this.redis.pipeline().set(sessionKey(id), JSON.stringify(record), 'PX', idleMs).zadd(SESSIONS, nowMs, id);
    const results = await resultsOf(pipeline.zremrangebyscore(SESSIONS, '-inf', nowMs - idleMs).zcard(SESSIONS));
    const surplus = Number(results.at(-1)) - max;
    if (surplus > 0) await this.removeOldest(surplus);
    return id;
  }

  /** Puts the end of the session off. */
  async find(id: string): Promise<SessionRecord | undefined> {
    const { MCP_SESSION_IDLE: idleMs } = this.config;
    const [text] = await resultsOf(this.redis.pipeline().getex(sessionKey(id), 'PX', idleMs).pexpire(workspacesKey(id), idleMs).zadd(SESSIONS, 'XX', Date.now(), id));
    return typeof text === 'string' ? SessionRecord.parse(JSON.parse(text)) : undefined;
  }

  /** Puts the end of a session off. False when it has ended. */
  async touch(id: string): Promise<boolean> {
    const { MCP_SESSION_IDLE: idleMs } = this.config;
    const [isThere] = await resultsOf(this.redis.pipeline().pexpire(sessionKey(id), idleMs).pexpire(workspacesKey(id), idleMs).zadd(SESSIONS, 'XX', Date.now(), id));
    return isThere === 1;
  }

  async remove(id: string): Promise<void> {
    await resultsOf(this.redis.pipeline().del(sessionKey(id), workspacesKey(id)).zrem(SESSIONS, id));
  }

  /** The sessions of these principals, in a look over all: for what happens now and then. */
  async ofPrincipals(principals: ReadonlySet<string>): Promise<string[]> {
    const ids = await this.redis.zrange(SESSIONS, '0', '-1');
    const found: string[] = [];
    for (let at = 0; at < ids.length; at += SCANNED) {
      const some = ids.slice(at, at + SCANNED);
      const texts = await this.redis.mget(some.map(sessionKey));
      found.push(...some.filter((_, index) => isOf(texts[index], principals)));
    }
    return found;
  }

  /** The directory that an agent of the session was given last. */
  async directoryOf(id: string, agentId: string): Promise<string | undefined> {
    return (await this.redis.hget(workspacesKey(id), agentId)) ?? undefined;
  }

  /** Remembers directories for the first `max` agents only. */
  async rememberDirectory(id: string, agentId: string, path: string, max: number): Promise<void> {
    const key = workspacesKey(id);
    if (!(await this.redis.hexists(key, agentId)) && (await this.redis.hlen(key)) >= max) return;
    await resultsOf(this.redis.pipeline().hset(key, agentId, path).pexpire(key, this.config.MCP_SESSION_IDLE));
  }

  private async removeOldest(count: number): Promise<void> {
    const popped = await this.redis.zpopmin(SESSIONS, count);
    const ids = popped.filter((_, index) => index % 2 === 0);
    if (ids.length > 0) await this.redis.del(...ids.flatMap((id) => [sessionKey(id), workspacesKey(id)]));
  }
}

const isOf = (text: string | null | undefined, principals: ReadonlySet<string>): boolean => typeof text === 'string' && principals.has(SessionRecord.parse(JSON.parse(text)).principalId);
