import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { agentKey, AppError, newTurnId, TURNS_QUEUE, type TurnJob } from '@codex-mcp/contracts';
import { ApprovalStore, createRedis, QUEUE_PREFIX, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { createLogger } from '@codex-mcp/observability';
import { type RedisFixture, startRedis } from '@codex-mcp/testing';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { unlessAborted } from './abort.js';
import { TurnApprovals } from './turn-approvals.js';
import type { TurnExecution } from './turn-execution.js';
import { TurnSteering } from './turn-steering.js';
import { TurnStops } from './turn-stops.js';
import { TurnWaits } from './turn-waits.js';
import { TurnRunner } from './turn.runner.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const LONG_MS = 600_000;
const audit = { record: () => undefined };

let server: RedisFixture;
let redis: Redis;
let queue: Queue<TurnJob>;

beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  queue = new Queue<TurnJob>(TURNS_QUEUE, { connection: redis, prefix: QUEUE_PREFIX });
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
});

/** Its turns are cancelled just after the claim, before whoever claims them has heard of it: the announcement comes to nobody. */
class HastyCaller extends TurnStore {
  override async claim(...args: Parameters<TurnStore['claim']>): ReturnType<TurnStore['claim']> {
    const claim = await super.claim(...args);
    await this.cancel({ turnId: args[0], agent }, { type: 'cancelled', error: new AppError('turn_cancelled', 'Cancelled by its caller.').toBody() });
    return claim;
  }
}

it('a cancellation between a turn’s claim and its beginning is not missed', async () => {
  const turns = new HastyCaller(redis);
  const turnId = newTurnId();
  await turns.accept({ turnId, tool: 'chat', agent, arguments: {}, correlationId: 'c', acceptedAtMs: Date.now() }, 10);
  const hangs: Pick<TurnExecution, 'run'> = { run: (_, { signal }) => unlessAborted(signal, new Promise(() => undefined)) };
  const approvals = new TurnApprovals(new ApprovalStore(redis), audit, { mode: 'auto', timeoutMs: LONG_MS, fallback: 'decline' });
  const runner = new TurnRunner(
    turns,
    new TurnDispatcher(queue, turns),
    hangs as TurnExecution,
    new TurnStops(turns),
    new TurnSteering(),
    new TurnWaits(),
    approvals,
    { holder: 'w1', token: 't1' },
    createLogger('test', 'silent'),
    audit,
    { totalMs: LONG_MS, idleMs: LONG_MS },
  );
  await runner.run({ turnId, agentKey: agent.key, tool: 'chat', correlationId: 'c' }, new AbortController().signal);
  expect((await turns.load(turnId))?.status).toBe('cancelled');
});
