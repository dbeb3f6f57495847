import { type ForkOrigin, newThreadId, ThreadRecord } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { keys } from './keys.js';
import { bindThread, createThread } from './thread.scripts.js';

/** So many of an agent's threads are kept, those used last. */
export const MAX_THREADS = 200;

const UNBORN_AGENT_MS = 24 * 3600 * 1000;

type Limits = { maxThreads: number };

/** The conversations of agents: names, origins, and which thread of Codex each one is. Their content is Codex's. */
export class ThreadStore {
  constructor(
    private readonly redis: Redis,
    private readonly limits: Limits = { maxThreads: MAX_THREADS },
  ) {}

  /** A new thread, the agent's current one from now on, also of an agent that does not exist yet. Returns its id. */
  async create(agentKey: string, thread: { title?: string | undefined; forkedFrom?: ForkOrigin | undefined } = {}): Promise<string> {
    const threadId = newThreadId();
    const { title = '', forkedFrom } = thread;
    const origin = forkedFrom ? [forkedFrom.threadId, forkedFrom.throughTurnId, forkedFrom.codexThreadId] : [];
    await createThread.run(
      this.redis,
      [keys.agent(agentKey), keys.threads(agentKey), keys.mailbox(agentKey)],
      [threadId, title, Date.now(), this.limits.maxThreads, keys.turn(''), UNBORN_AGENT_MS, newThreadId(), ...origin],
    );
    return threadId;
  }

  async get(agentKey: string, threadId: string): Promise<ThreadRecord | undefined> {
    const json = await this.redis.hget(keys.threads(agentKey), threadId);
    return json === null ? undefined : parseThread(threadId, json);
  }

  /** All threads of an agent, the one used last first. */
  async list(agentKey: string): Promise<ThreadRecord[]> {
    const threads = Object.entries(await this.redis.hgetall(keys.threads(agentKey))).map(([threadId, json]) => parseThread(threadId, json));
    return threads.toSorted((a, b) => b.usedAtMs - a.usedAtMs);
  }

  /** The thread of turns that name none; undefined before the first. */
  async current(agentKey: string): Promise<string | undefined> {
    return (await this.redis.hget(keys.agent(agentKey), 'threadId')) ?? undefined;
  }

  /** Writes down which thread of Codex it is. Returns false when another worker holds the agent's lease by now. */
  async bind(agentKey: string, threadId: string, codexThreadId: string, lease: { epoch: number; token: string }): Promise<boolean> {
    return (await bindThread.run(this.redis, [keys.agent(agentKey), keys.threads(agentKey)], [threadId, codexThreadId, lease.epoch, lease.token, Date.now()])) === 1;
  }
}

const parseThread = (threadId: string, json: string): ThreadRecord => ThreadRecord.parse({ ...(JSON.parse(json) as object), threadId });
