import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { agentKey, AppError, newTurnId, TURNS_QUEUE, type TurnJob } from '@codex-mcp/contracts';
import { ApprovalStore, createRedis, Envelopes, generateEnvelopeKeys, QUEUE_PREFIX, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { type AuditEntry, createLogger } from '@codex-mcp/observability';
import { type RedisFixture, startRedis, temporaryDirectory } from '@codex-mcp/testing';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { unlessAborted } from './abort.js';
import { LooksBeside } from './looks-beside.js';
import { TurnApprovals } from './turn-approvals.js';
import type { TurnExecution } from './turn-execution.js';
import { TurnSteering } from './turn-steering.js';
import { TurnStops } from './turn-stops.js';
import { TurnWaits } from './turn-waits.js';
import { TurnRunner } from './turn.runner.js';

const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const LONG_MS = 600_000;
const entries: AuditEntry[] = [];
const audit = { record: (entry: AuditEntry) => void entries.push(entry) };

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

function runnerOf(turns: TurnStore, execution: Pick<TurnExecution, 'run'>): TurnRunner {
  const approvals = new TurnApprovals(new ApprovalStore(redis), audit, { mode: 'auto', timeoutMs: LONG_MS, fallback: 'decline' });
  const [dispatcher, lease, deadlines] = [new TurnDispatcher(queue, turns), { holder: 'w1', token: 't1' }, { totalMs: LONG_MS, idleMs: LONG_MS }];
  const logger = createLogger('test', 'silent');
  const looks = new LooksBeside(turns, { atWork: () => undefined }, lease, logger);
  return new TurnRunner(turns, dispatcher, execution as TurnExecution, new TurnStops(turns), new TurnSteering(), new TurnWaits(), approvals, looks, lease, logger, audit, deadlines);
}

const requestOf = (turnId: string, of = agent) => ({ turnId, tool: 'chat', agent: of, arguments: {}, correlationId: 'c', acceptedAtMs: Date.now() });

it('a cancellation between a turn’s claim and its beginning is not missed', async () => {
  const turns = new HastyCaller(redis);
  const turnId = newTurnId();
  await turns.accept(requestOf(turnId), 10);
  const hangs: Pick<TurnExecution, 'run'> = { run: (_, { signal }) => unlessAborted(signal, new Promise(() => undefined)) };
  await runnerOf(turns, hangs).run({ turnId, agentKey: agent.key, tool: 'chat', correlationId: 'c' }, new AbortController().signal);
  expect((await turns.load(turnId))?.status).toBe('cancelled');
});

it('a turn that no edge has signed ends with a record that says so, is audited and never begun, and the next one runs', async () => {
  const directory = await temporaryDirectory();
  generateEnvelopeKeys(directory.path);
  const [edge, worker] = [Envelopes.from(directory.path, 'mcp-edge'), Envelopes.from(directory.path, 'worker')];
  const other = { key: agentKey('local', 'b'), tenant: 'local', agentId: 'b' };
  const [forged, genuine] = [newTurnId(), newTurnId()];
  await new TurnStore(redis).accept(requestOf(forged, other), 10);
  await new TurnStore(redis, undefined, edge).accept(requestOf(genuine, other), 10);
  const begun: string[] = [];
  const execution: Pick<TurnExecution, 'run'> = { run: async ({ turnId }) => (begun.push(turnId), {}) };
  const turns = new TurnStore(redis, undefined, worker);
  const runner = runnerOf(turns, execution);
  for (const turnId of [forged, genuine]) await runner.run({ turnId, agentKey: other.key, tool: 'chat', correlationId: 'c' }, new AbortController().signal);
  expect((await turns.load(forged))?.terminal?.event).toMatchObject({ type: 'failed', error: { code: 'not_authentic', message: expect.stringContaining('Call again') } });
  expect(entries).toContainEqual({ action: 'envelope.refused', outcome: 'refused', turnId: forged, correlationId: 'c', detail: { what: 'turn', flaw: 'unsigned', agentKey: other.key, tool: 'chat' } });
  expect([begun, (await turns.load(genuine))?.status]).toEqual([[genuine], 'completed']);
  await directory.remove();
});
