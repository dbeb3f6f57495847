import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { EdgeConfig } from '../../edge.config.js';
import { EDGE_CONFIG, REDIS } from '../../edge.tokens.js';

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
const workspacesKey = (id: string): string => `${sessionKey(id)}:workspaces`;

/** The sessions of all replicas, which end when nobody has used them for MCP_SESSION_IDLE. */
@Injectable()
export class SessionStore {
  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {}

  /** Returns the new session's id. */
  async add(record: SessionRecord, id: string = randomUUID()): Promise<string> {
    await this.redis.set(sessionKey(id), JSON.stringify(record), 'PX', this.config.MCP_SESSION_IDLE);
    return id;
  }

  async find(id: string): Promise<SessionRecord | undefined> {
    const text = await this.redis.get(sessionKey(id));
    return text === null ? undefined : SessionRecord.parse(JSON.parse(text));
  }

  /** Puts the end of a session off. False when it has ended. */
  async touch(id: string): Promise<boolean> {
    const { MCP_SESSION_IDLE: idleMs } = this.config;
    const results = await this.redis.pipeline().pexpire(sessionKey(id), idleMs).pexpire(workspacesKey(id), idleMs).exec();
    return results?.[0]?.[1] === 1;
  }

  async remove(id: string): Promise<void> {
    await this.redis.del(sessionKey(id), workspacesKey(id));
  }

  /** The directory that an agent of the session was given last. */
  async directoryOf(id: string, agentId: string): Promise<string | undefined> {
    return (await this.redis.hget(workspacesKey(id), agentId)) ?? undefined;
  }

  /** Remembers directories for the first `max` agents only. */
  async rememberDirectory(id: string, agentId: string, path: string, max: number): Promise<void> {
    const key = workspacesKey(id);
    if ((await this.redis.hlen(key)) >= max) return;
    await this.redis.pipeline().hset(key, agentId, path).pexpire(key, this.config.MCP_SESSION_IDLE).exec();
  }
}
