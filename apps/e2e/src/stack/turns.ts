import { agentKey, LOCAL_TENANT, type TurnRecord } from '@codex-mcp/contracts';
import { readHeartbeats, TurnStore } from '@codex-mcp/messaging';
import type { Redis } from 'ioredis';

/** An agent's unfinished turns as their records, the running one first. */
export async function unfinishedTurns(redis: Redis, agentId: string): Promise<TurnRecord[]> {
  const turns = new TurnStore(redis);
  const ids = await turns.unfinished(agentKey(LOCAL_TENANT, agentId));
  const records = await Promise.all(ids.map((id) => turns.load(id)));
  return records.filter((record) => record !== undefined);
}

/** The record of a turn; rejects when there is none. */
export async function turnOf(redis: Redis, turnId: string): Promise<TurnRecord> {
  const record = await new TurnStore(redis).load(turnId);
  if (!record) throw new Error(`there is no turn ${turnId}`);
  return record;
}

/** How many turns each living worker runs, by its process id. */
export async function activeTurns(redis: Redis): Promise<ReadonlyMap<number, number>> {
  const beats = await readHeartbeats(redis);
  return new Map(beats.flatMap((beat) => (beat.service === 'worker' ? [[beat.pid, beat.activeTurns] as const] : [])));
}

/** The process id of the worker that holds an agent's lease: the one that runs its turn, or ran the last. */
export async function holderOf(redis: Redis, agentId: string): Promise<number> {
  const holder = await redis.hget(`codex-mcp:agent:${agentKey(LOCAL_TENANT, agentId)}`, 'leaseHolder');
  const pid = Number(/-(\d+)-[0-9a-f]+$/.exec(holder ?? '')?.[1]);
  if (!pid) throw new Error(`agent ${agentId} has no worker, but ${holder}`);
  return pid;
}
