import { agentKey, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { createRedis, TurnStore } from './index.js';

let server: RedisFixture;
let redis: Redis;
let turns: TurnStore;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  turns = new TurnStore(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => void (await redis.flushall()));

const completed = { type: 'completed', output: { answer: 'done' } } as const;
const cancelled = { type: 'cancelled', error: { code: 'turn_cancelled', message: 'cancelled', retryable: false } } as const;

describe('what a tenant has unfinished', () => {
  const of = (tenant: string, agentId: string): TurnRequest => ({ turnId: newTurnId(), tool: 'chat', agent: { key: agentKey(tenant, agentId), tenant, agentId }, arguments: { message: 'hi' }, correlationId: 'c', acceptedAtMs: 1 });
  const begun = async (turn: TurnRequest) => {
    const claim = await turns.claim(turn.turnId, turn.agent.key, { holder: 'worker-1', token: 't1' });
    if (claim.outcome !== 'claimed') throw new Error(claim.outcome);
    return claim;
  };

  it('is limited over all its agents, and is less when a turn has ended or was cancelled', async () => {
    const [first, second] = [of('local', 'a'), of('local', 'b')];
    for (const turn of [first, second]) expect((await turns.accept(turn, 10, 2)).outcome).toBe('accepted');
    expect(await turns.accept(of('local', 'c'), 10, 2)).toMatchObject({ outcome: 'tenant_full', position: 2 });
    expect((await turns.accept(first, 10, 2)).outcome).toBe('exists');
    expect((await turns.accept(of('other', 'a'), 10, 2)).outcome).toBe('accepted');
    expect((await turns.accept(of('local', 'c'), 10, 0)).outcome).toBe('accepted');
    await redis.del(`codex-mcp:agent:${agentKey('local', 'c')}:mailbox`);
    const { attempts, seq } = await begun(first);
    await turns.finish(first, attempts, seq + 1, completed);
    await turns.cancel(second, cancelled);
    expect(await redis.scard('codex-mcp:unfinished:local')).toBe(1);
    expect((await turns.accept(of('local', 'd'), 10, 2)).outcome).toBe('accepted');
    expect((await turns.accept(of('local', 'd'), 10, 2)).outcome).toBe('tenant_full');
  });

  it('forgets turns that others have ended without saying so', async () => {
    const [first, second] = [of('local', 'a'), of('local', 'b')];
    for (const turn of [first, second]) await turns.accept(turn, 10, 2);
    await redis.hset(`codex-mcp:turn:${first.turnId}`, 'status', 'completed');
    await redis.del(`codex-mcp:turn:${second.turnId}`);
    for (const agentId of ['c', 'd']) expect((await turns.accept(of('local', agentId), 10, 2)).outcome).toBe('accepted');
    expect((await turns.accept(of('local', 'e'), 10, 2)).outcome).toBe('tenant_full');
  });
});
