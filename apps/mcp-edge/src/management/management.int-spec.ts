import { type AgentIdentity, agentKey, supervisorQueueName } from '@codex-mcp/contracts';
import { AgentStore, createRedis, jobFailure, QUEUE_PREFIX } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { startTestEdge, type TestEdge } from '../testing/edge.fixture.js';
import { agentRecord, beat, echo, SIGNED_OUT, StandInWorker } from '../testing/stand-ins.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let redisServer: RedisFixture;
let redis: Redis;
let beats: { stop(): Promise<void> };
let worker: StandInWorker;
let supervisor: Worker;
let edge: TestEdge;
let agents: AgentStore;
const commands: string[] = [];

beforeAll(async () => {
  redisServer = await startRedis();
  redis = createRedis(redisServer.url);
  agents = new AgentStore(redis);
  beats = await beat(redis, { gateway: { signIn: { method: 'chatgpt', source: '~/.codex/auth.json' } } });
  worker = await new StandInWorker(redisServer.url).start();
  supervisor = new Worker(supervisorQueueName('host-1'), async ({ name, data }) => supervise(name, (data as { agent: AgentIdentity }).agent), { connection: redis, prefix: QUEUE_PREFIX });
  edge = await startTestEdge(redisServer.url);
});
afterAll(async () => {
  await edge.close();
  await supervisor.close(true);
  await worker.stop();
  await beats.stop();
  redis.disconnect();
  await redisServer.stop();
});
beforeEach(async () => {
  await eventually(() => worker.reset());
  commands.length = 0;
  for (const record of await agents.listAll()) await agents.remove(record);
});

async function supervise(name: string, agent: AgentIdentity): Promise<unknown> {
  commands.push(`${name} ${agent.agentId}`);
  if (agent.agentId === 'stubborn') throw jobFailure(new Error('will not'));
  if (name === 'usage') return { cpuPercent: 12.5, memoryBytes: 1024, memoryLimitBytes: 4096, processes: 3 };
  return name === 'stop' ? { stopped: true } : { removed: true };
}

const call = async (name: string, args: object = {}) => (await edge.call(`/tools/${name}`, { method: 'POST', body: JSON.stringify(args) })).json;
const structured = async (name: string, args: object = {}) => (await call(name, args))['structuredContent'];

/** Starts a turn of an agent that goes on until the returned function is called. */
async function runTurn(agentId: string): Promise<{ turnId: string; finish: () => Promise<unknown> }> {
  let release = () => {};
  worker.play = async (turn) => {
    const wasCancelled = await Promise.race([turn.cancelled.then(() => true), new Promise<boolean>((resolve) => (release = () => resolve(false)))]);
    return wasCancelled ? { type: 'cancelled', error: { code: 'turn_cancelled', message: 'Cancelled.', retryable: false } } : echo(turn);
  };
  const seen = worker.seen.length;
  const answer = call('chat', { message: 'work', agent_id: agentId });
  await eventually(() => worker.seen.length > seen);
  const turnId = worker.seen[seen]?.turnId ?? '';
  const finish = () => {
    release();
    return answer;
  };
  return { turnId, finish };
}

describe('listings', () => {
  it('show agents with their container, workspace, queue and running turn', async () => {
    await agents.save(agentRecord('local', 'busy'));
    await agents.save(agentRecord('local', 'resting', { status: 'stopped', workspace: { kind: 'host', path: '/srv/app' } }));
    await agents.save(agentRecord('local', 'bare', { runtime: 'process', runtimeId: '4711' }));
    await agents.save(agentRecord('other-tenant', 'foreign'));
    const running = await runTurn('busy');
    const queued = call('chat', { message: 'later', agent_id: 'busy' });
    await eventually(async () => JSON.stringify(await structured('list_sessions', { agent_id: 'busy' })).includes('"queued_turns":1'));
    const { sessions } = (await structured('list_sessions')) as { sessions: Record<string, unknown>[] };
    expect(sessions.map(({ agent_id }) => agent_id)).toEqual(['bare', 'busy', 'resting']);
    expect(sessions[1]).toEqual({
      agent_id: 'busy',
      status: 'running',
      runtime: 'docker',
      container_id: 'container-of-busy',
      workspace: 'volume',
      workspace_mode: 'volume',
      thread_id: expect.stringMatching(/^thread_[0-9a-f]{32}$/),
      created_at: '2026-01-01T00:00:00.000Z',
      last_active_at: expect.stringMatching(/Z$/),
      queued_turns: 1,
      running_turn: { turn_id: running.turnId, tool: 'chat', started_at: expect.stringMatching(/Z$/) },
    });
    expect(sessions[2]).toMatchObject({ status: 'stopped', workspace: '/srv/app', queued_turns: 0 });
    expect(sessions[0]).not.toHaveProperty('container_id');
    expect(await structured('list_active_agents')).toMatchObject({ agents: [{ agent_id: 'bare' }, { agent_id: 'busy' }] });
    worker.play = echo;
    await running.finish();
    await queued;
  });

  it('say of the caller’s own session whether it exists', async () => {
    expect(await structured('get_my_session_info', { agent_id: 'New One' })).toEqual({ exists: false, agent_id: 'new-one' });
    await agents.save(agentRecord('local', 'default'));
    expect(await structured('get_my_session_info')).toMatchObject({ exists: true, agent_id: 'default', container_id: 'container-of-default' });
  });
});

describe('get_agent_status', () => {
  it('adds what the supervisor measures', async () => {
    await agents.save(agentRecord('local', 'busy'));
    expect(await structured('get_agent_status', { agent_id: 'busy' })).toMatchObject({ agent_id: 'busy', cpu_percent: 12.5, memory_bytes: 1024, memory_limit_bytes: 4096, processes: 3 });
  });

  it.each([
    ['cannot tell', 'stubborn', {}],
    ['is not alive', 'lost', { supervisorId: 'host-that-died' }],
    ['need not be asked about a stopped agent', 'resting', { status: 'stopped' }],
  ])('leaves it out where the supervisor %s', async (_, agentId, more) => {
    await agents.save(agentRecord('local', agentId, more));
    const status = await structured('get_agent_status', { agent_id: agentId });
    expect(status).toMatchObject({ agent_id: agentId });
    expect(status).not.toHaveProperty('cpu_percent');
    expect(await redis.keys('*supervisor-host-that-died*')).toEqual([]);
  });

  it('knows no agent that is not there', async () => {
    expect(await call('get_agent_status', { agent_id: 'nobody' })).toMatchObject({ status: 404, code: 'unknown_agent' });
  });
});

describe('cleanup_inactive_agents', () => {
  const LONG_AGO = Date.UTC(2026, 0, 1);
  beforeEach(async () => {
    await agents.save(agentRecord('local', 'idle'));
    await agents.save(agentRecord('local', 'fresh'));
    await agents.save(agentRecord('local', 'stopped', { status: 'stopped' }));
    await agents.save(agentRecord('local', 'stubborn'));
    await agents.save(agentRecord('other-tenant', 'foreign'));
    for (const id of ['idle', 'stopped', 'stubborn']) await agents.touch(agentKey('local', id), LONG_AGO);
    await agents.touch(agentKey('other-tenant', 'foreign'), LONG_AGO);
  });

  it('stops agents that are idle, and says which it kept', async () => {
    expect(await structured('cleanup_inactive_agents')).toEqual({ stopped: ['idle'], removed: [], kept: 3 });
    expect(commands.toSorted()).toEqual(['stop idle', 'stop stubborn']);
  });

  it('removes them, stopped ones too, when asked to', async () => {
    expect(await structured('cleanup_inactive_agents', { remove: true })).toEqual({ stopped: [], removed: ['idle', 'stopped'], kept: 2 });
  });

  it('takes the limit and the agent from its arguments', async () => {
    expect(await structured('cleanup_inactive_agents', { max_idle_seconds: 0, agent_id: 'fresh' })).toEqual({ stopped: ['fresh'], removed: [], kept: 0 });
    expect(await structured('cleanup_inactive_agents', { max_idle_seconds: 1e9 })).toEqual({ stopped: [], removed: [], kept: 4 });
  });

  it('keeps an agent that has a turn', async () => {
    const running = await runTurn('idle');
    await agents.touch(agentKey('local', 'idle'), LONG_AGO);
    expect(await structured('cleanup_inactive_agents', { agent_id: 'idle', remove: true })).toEqual({ stopped: [], removed: [], kept: 1 });
    await running.finish();
  });
});

describe('cancel', () => {
  it('cancels the running turn of the caller’s agent', async () => {
    const running = await runTurn('default');
    expect(await structured('cancel')).toEqual({ turn_id: running.turnId, cancelled: true });
    expect(await running.finish()).toMatchObject({ status: 409, code: 'turn_cancelled' });
  });

  it('cancels a queued turn by its id, and the turns behind it still run', async () => {
    const running = await runTurn('default');
    const second = call('chat', { message: 'second' });
    await eventually(async () => (await redis.llen(`codex-mcp:agent:${agentKey('local', 'default')}:mailbox`)) === 2);
    const third = call('chat', { message: 'third' });
    await eventually(async () => (await redis.llen(`codex-mcp:agent:${agentKey('local', 'default')}:mailbox`)) === 3);
    const secondId = await redis.lindex(`codex-mcp:agent:${agentKey('local', 'default')}:mailbox`, 1);
    expect(await structured('cancel', { turn_id: secondId })).toEqual({ turn_id: secondId, cancelled: true });
    expect(await second).toMatchObject({ code: 'turn_cancelled' });
    worker.play = echo;
    await running.finish();
    expect(await third).toMatchObject({ structuredContent: { answer: 'echo: "third"' } });
    await eventually(async () => (await redis.zcard(`${QUEUE_PREFIX}:turns:delayed`)) === 0);
  });

  it('lets the next turn run when it cancels the one before it in the queue', async () => {
    const mailbox = `codex-mcp:agent:${agentKey('local', 'default')}:mailbox`;
    await worker.pause();
    const first = call('chat', { message: 'first' });
    await eventually(async () => (await redis.llen(mailbox)) === 1);
    const second = call('chat', { message: 'second' });
    await eventually(async () => (await redis.zcard(`${QUEUE_PREFIX}:turns:delayed`)) === 1);
    expect(await structured('cancel')).toMatchObject({ cancelled: true });
    expect(await first).toMatchObject({ code: 'turn_cancelled' });
    await worker.resume();
    expect(await second).toMatchObject({ structuredContent: { answer: 'echo: "second"' } });
  });

  it('says when there is nothing to cancel', async () => {
    expect(await structured('cancel', { agent_id: 'lazy' })).toEqual({ cancelled: false, reason: 'Agent "lazy" runs no turn.' });
  });

  it('knows no turn that is not there, nor what else Redis has under such a name', async () => {
    const { turn_id } = await call('chat', { message: 'x' });
    for (const unknown of ['turn_00000000000000000000000000000000', 'x', `${String(turn_id)}:log`]) {
      expect(await call('cancel', { turn_id: unknown })).toMatchObject({ status: 404, code: 'unknown_turn' });
    }
  });
});

describe('health_check', () => {
  it('says what runs', async () => {
    const running = await runTurn('default');
    const queued = call('chat', { message: 'later' });
    await eventually(async () => JSON.stringify(await structured('health_check')).includes('"queued_turns":1'));
    expect(await structured('health_check')).toEqual({
      status: 'ok',
      problems: [],
      version: '1.2.3',
      uptime_seconds: expect.any(Number),
      runtime: 'docker',
      sign_in: { method: 'chatgpt', source: '~/.codex/auth.json' },
      active_sessions: 2,
      running_turns: 1,
      queued_turns: 1,
      workers: 1,
      supervisors: 1,
    });
    worker.play = echo;
    await running.finish();
    await queued;
  });

  it('says what is wrong', async () => {
    await beats.stop();
    const signedOut = await beat(redis, { gateway: { signIn: SIGNED_OUT }, worker: null, supervisor: null });
    const fresh = await startTestEdge(redisServer.url);
    const { json } = await fresh.call('/tools/health_check');
    expect(json).toMatchObject({ structuredContent: { status: 'degraded', sign_in: { method: 'none' }, workers: 0, supervisors: 0 } });
    expect(json).toMatchObject({ structuredContent: { problems: [expect.stringContaining('codex login'), expect.stringContaining('worker'), expect.stringContaining('supervisor')] } });
    await fresh.close();
    await signedOut.stop();
    beats = await beat(redis);
  });
});
