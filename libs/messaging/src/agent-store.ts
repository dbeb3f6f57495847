import { AgentRecord, type AgentIdentity } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { keys } from './keys.js';

/** What the supervisor knows of an agent; its current thread is written by edges, its activity by workers. */
export type AgentPlacementRecord = Omit<AgentRecord, 'threadId' | 'lastActiveAt'>;

/** The registry of agents, shared by edges, workers and supervisors. */
export class AgentStore {
  constructor(private readonly redis: Redis) {}

  async save(record: AgentPlacementRecord): Promise<void> {
    const key = keys.agent(record.key);
    await this.redis
      .multi()
      .hset(key, 'record', JSON.stringify(record))
      .hsetnx(key, 'lastActiveAt', Date.now())
      .persist(key)
      .persist(keys.threads(record.key))
      .sadd(keys.agentsOf(record.tenant), record.key)
      .sadd(keys.tenants, record.tenant)
      .exec();
  }

  async get(agentKey: string): Promise<AgentRecord | undefined> {
    const fields = await this.redis.hgetall(keys.agent(agentKey));
    return parseAgent(fields);
  }

  async list(tenant: string): Promise<AgentRecord[]> {
    const agentKeys = await this.redis.smembers(keys.agentsOf(tenant));
    const all = await Promise.all(agentKeys.map((key) => this.get(key)));
    return all.filter((record) => record !== undefined).toSorted((a, b) => a.agentId.localeCompare(b.agentId));
  }

  /** Every agent of every tenant; for supervisors, which own hosts and not tenants. */
  async listAll(): Promise<AgentRecord[]> {
    const tenants = await this.redis.smembers(keys.tenants);
    return (await Promise.all(tenants.map((tenant) => this.list(tenant)))).flat();
  }

  /** Forgets an agent and its threads. */
  async remove(agent: AgentIdentity): Promise<void> {
    await this.redis.multi().del(keys.agent(agent.key), keys.threads(agent.key)).srem(keys.agentsOf(agent.tenant), agent.key).exec();
  }

  async touch(agentKey: string, atMs = Date.now()): Promise<void> {
    await this.redis.hset(keys.agent(agentKey), 'lastActiveAt', atMs);
  }

  /** True when `token` is the agent's present lease of that epoch: only its holder may drive the agent. */
  async holdsLease(agentKey: string, epoch: number, token: string): Promise<boolean> {
    const [storedEpoch, storedToken] = await this.redis.hmget(keys.agent(agentKey), 'epoch', 'leaseToken');
    return token !== '' && storedToken === token && Number(storedEpoch) === epoch;
  }
}

function parseAgent(fields: Record<string, string>): AgentRecord | undefined {
  if (!fields['record']) return undefined;
  const placement: unknown = JSON.parse(fields['record']);
  return AgentRecord.parse({ ...(placement as object), lastActiveAt: Number(fields['lastActiveAt']), threadId: fields['threadId'] });
}
