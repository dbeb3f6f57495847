import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AgentHalt } from '@codex-mcp/contracts';
import { eventually, freePort } from '@codex-mcp/testing';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { AgentHalts, announceAgentHalt, announceModelWait, createRedis, createSubscriber, HeartbeatPublisher, incrementsOf, ModelWaits, QUEUE_PREFIX, readHeartbeats, REDIS_USERS, type RedisUser, redisUsers, RequestBudgets, UsageStore } from './index.js';

const ADMIN = 'password-of-the-administrator';
const passwords = Object.fromEntries(REDIS_USERS.map((user) => [user, `password-of-${user}`])) as Record<RedisUser, string>;

let server: ChildProcess;
let port: number;
let admin: Redis;
const connections: Redis[] = [];
const as = (user: RedisUser): Redis => {
  const redis = createRedis(`redis://${user}:${passwords[user]}@127.0.0.1:${port}`);
  connections.push(redis);
  return redis;
};

beforeAll(async () => {
  port = await freePort();
  server = spawn('redis-server', ['-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  server.stdin?.end([`port ${port}`, 'bind 127.0.0.1', 'save ""', `requirepass ${ADMIN}`, ...redisUsers(passwords), ''].join('\n'));
  admin = createRedis(`redis://:${ADMIN}@127.0.0.1:${port}`);
  await eventually(() => admin.ping());
});
afterAll(async () => {
  for (const connection of [admin, ...connections]) connection.disconnect();
  server.kill('SIGKILL');
  await once(server, 'exit');
});

const TURN = 'codex-mcp:turn:turn_1';
const agent = { key: 'k', tenant: 'local', agentId: 'a' };
const refused = (work: Promise<unknown>) => expect(work).rejects.toThrow(/NOPERM|not allowed|can't (access|run)/);

describe('a service’s user in Redis', () => {
  it.each<[RedisUser, string, (redis: Redis) => Promise<unknown>]>([
    ['gateway', 'requests of turns', (redis) => redis.hgetall(TURN)],
    ['gateway', 'leases of agents', (redis) => redis.hmget('codex-mcp:agent:x', 'leaseToken')],
    ['gateway', 'jobs', (redis) => redis.lpush(`${QUEUE_PREFIX}:turns:wait`, 'x')],
    ['gateway', 'beats of others', (redis) => redis.set('codex-mcp:beat:supervisor:x', '{}')],
    ['gateway', 'commands to turns', (redis) => redis.publish('codex-mcp:turn-control', '{}')],
    ['gateway', 'requests of turns through a script', (redis) => redis.eval(`return redis.call('HGETALL', '${TURN}')`, 0)],
    ['gateway', 'sessions', (redis) => redis.del('codex-mcp:mcp:session:x')],
    ['supervisor', 'requests of turns', (redis) => redis.hgetall(TURN)],
    ['supervisor', 'answers to approvals', (redis) => redis.hset('codex-mcp:approval:x', 'answer', '{}')],
    ['supervisor', 'turns through a script', (redis) => redis.eval("return redis.call('HGETALL', KEYS[1])", 1, TURN)],
    ['supervisor', 'turns that a script does not declare', (redis) => redis.eval(`return redis.call('HGETALL', '${TURN}')`, 0)],
    ['supervisor', 'jobs of turns', (redis) => redis.lpush(`${QUEUE_PREFIX}:turns:wait`, 'x')],
    ['supervisor', 'messages of a turn’s log', (redis) => redis.publish(`${TURN}:log`, '{}')],
    ['worker', 'sessions of clients', (redis) => redis.get('codex-mcp:mcp:session:x')],
    ['worker', 'the key of the edges', (redis) => redis.get('codex-mcp:mcp:state-key')],
    ['worker', 'what was spent', (redis) => redis.hincrby('codex-mcp:usage:2026-11-22:local', '=tokens', -1)],
    ['worker', 'budgets of requests', (redis) => redis.del('codex-mcp:request-budget:local')],
    ['worker', 'beats of supervisors', (redis) => redis.set('codex-mcp:beat:supervisor:x', '{}')],
    ['worker', 'notes between edges', (redis) => redis.publish('codex-mcp:mcp:replicas', '{}')],
    ['mcp-edge', 'what is not codex-mcp’s', (redis) => redis.get('other')],
  ])('of the %s does not reach %s', async (user, _, work) => {
    await refused(work(as(user)));
  });

  it.each(REDIS_USERS.flatMap((user) => ['FLUSHALL', 'FLUSHDB', 'CONFIG GET dir', 'DEBUG SLEEP 0', 'KEYS *', 'SCAN 0', 'SAVE', 'SHUTDOWN', 'MONITOR', 'REPLICAOF no one', 'ACL LIST', 'MODULE LIST', 'SCRIPT FLUSH', 'FUNCTION LIST', 'CLIENT LIST', 'CLIENT KILL ID 1', 'SELECT 1', 'SWAPDB 0 1'].map((command) => [user, command] as const)))(
    'of the %s may not %s',
    async (user, command) => {
      const [name = '', ...args] = command.split(' ');
      await refused(as(user).call(name, ...args));
    },
  );

  it('is needed: nobody gets in without a password, or with another user’s', async () => {
    const knocking = async (url: string) => {
      const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
      redis.on('error', () => undefined);
      connections.push(redis);
      return redis.get('codex-mcp:tenants');
    };
    await expect(knocking(`redis://127.0.0.1:${port}`)).rejects.toThrow(/NOAUTH/);
    await expect(knocking(`redis://mcp-edge:${passwords.gateway}@127.0.0.1:${port}`)).rejects.toThrow(/WRONGPASS|Connection is closed|NOAUTH/);
  });

  it('of the gateway counts, reads what was spent, beats and announces waits', async () => {
    const redis = as('gateway');
    const usage = new UsageStore(redis);
    await usage.add([{ tenant: 'local', day: '2026-11-22', field: '=tokens', by: 7 }]);
    expect(await usage.spent({ key: 'k', tenant: 'local', agentId: 'a' }, '2026-11-22')).toMatchObject({ tenant: { tokens: 7 } });
    const beats = new HeartbeatPublisher(redis, () => ({ service: 'gateway', instance: 'g', version: '1', startedAtMs: 1, pid: 1, signIn: { method: 'none' } }));
    await beats.start();
    expect((await readHeartbeats(as('worker'))).map(({ instance }) => instance)).toEqual(['g']);
    await beats.stop();
    const waits: string[] = [];
    const subscriber = createSubscriber(as('worker'));
    connections.push(subscriber);
    await new ModelWaits(subscriber).listen(({ agentKey }) => waits.push(agentKey));
    announceModelWait(redis, { agentKey: 'k', trouble: 'rate_limited', retryInMs: 1, attempt: 1 });
    await eventually(() => expect(waits).toEqual(['k']));
  });

  it('of the mcp-edge counts requests of tenants, and reads what was spent', async () => {
    const redis = as('mcp-edge');
    expect(await new RequestBudgets(redis).take('local', 60, { wanted: 5, needed: 1 })).toEqual({ granted: 5, waitMs: 0 });
    await new UsageStore(as('gateway')).add(incrementsOf(agent, '2026-11-23', { model: 'm', tokens: { input: 1, cached: 0, cacheWrites: 0, output: 2, reasoning: 0 }, costUsd: 0.5, isEstimated: false }));
    const usage = new UsageStore(redis);
    expect(await usage.spent(agent, '2026-11-23')).toEqual({ agent: { tokens: 3, usd: 0.5 }, tenant: { tokens: 3, usd: 0.5 } });
    expect(await usage.read('local', ['2026-11-23'])).toEqual([expect.objectContaining({ agentId: 'a', model: 'm', input: 1, output: 2 })]);
  });

  it('of the supervisor tells why it stops an agent, and that of the worker hears it', async () => {
    const subscriber = createSubscriber(as('worker'));
    connections.push(subscriber);
    const halts: AgentHalt[] = [];
    await new AgentHalts(subscriber).listen((halt) => halts.push(halt));
    const halt: AgentHalt = { agentKey: agent.key, error: { code: 'workspace_full', message: 'Full.', retryable: false } };
    const supervisor = as('supervisor');
    await supervisor.ping(); // it is ready
    await announceAgentHalt(supervisor, halt);
    await eventually(() => expect(halts).toEqual([halt]));
  });

  it.each(['mcp-edge', 'worker'] as const)('of the %s takes and gives jobs with all that BullMQ does for them', async (user) => {
    const [connection, subscriber] = [as(user), createSubscriber(as(user))];
    connections.push(subscriber);
    const queue = new Queue('turns', { connection, prefix: QUEUE_PREFIX });
    const worker = new Worker('turns', async () => 'done', { connection, prefix: QUEUE_PREFIX });
    const errors: Error[] = [];
    queue.on('error', (error) => errors.push(error));
    worker.on('error', (error) => errors.push(error));
    const job = await queue.add('x', {}, { jobId: `turn_${user}`, removeOnComplete: { age: 10 } });
    await eventually(async () => (await job.getState()) === 'completed');
    await queue.clean(0, 0, 'completed');
    await Promise.all([worker.close(), queue.close()]);
    expect(errors).toEqual([]);
  });
});
