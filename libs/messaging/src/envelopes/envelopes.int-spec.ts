import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { agentKey, approvalIdOf, newTurnId, placementsQueue, type TurnCommand, type TurnRequest } from '@codex-mcp/contracts';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import {
  ApprovalStore, commandAction, createRedis, createSubscriber, Envelopes, generateEnvelopeKeys, QUEUE_PREFIX, QueueClient, readEnvelopeKeys, readHeartbeats, relayPass, relayPassFlaw, resultAction, TurnControl, TurnLogReader,
  TurnStore,
} from '../index.js';

const DAY_MS = 24 * 3600 * 1000;
const agent = { key: agentKey('local', 'a'), tenant: 'local', agentId: 'a' };
const lease = { holder: 'w', token: 't' };

let directory: string;
let server: RedisFixture;
let redis: Redis;
let edge: Envelopes;
let worker: Envelopes;
let supervisor: Envelopes;
let stranger: Envelopes;
beforeAll(async () => {
  server = await startRedis();
  redis = createRedis(server.url);
  directory = mkdtempSync(join(tmpdir(), 'keys-'));
  for (const set of ['ours', 'theirs']) generateEnvelopeKeys(join(directory, set));
  [edge, worker, supervisor] = (['mcp-edge', 'worker', 'supervisor'] as const).map((issuer) => Envelopes.from(join(directory, 'ours'), issuer)) as [Envelopes, Envelopes, Envelopes];
  stranger = Envelopes.from(join(directory, 'theirs'), 'mcp-edge');
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  rmSync(directory, { recursive: true });
});
beforeEach(async () => void (await redis.flushall()));

const viaJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('an envelope', () => {
  it('says of whatever JSON carries that it is genuine', () => {
    const body = { b: undefined, 2: 'two', 1: 'one', n: [1e21, -0, 0.1, null], nested: { '\u2028': '\ud800', ['__proto__']: 1 }, when: new Date(0) };
    expect(worker.flaw('x', viaJson(edge.seal('x', body, 1000)), ['mcp-edge'])).toBeUndefined();
  });

  it.each<[string, () => unknown, string]>([
    ['unsigned', () => ({ a: 1 }), 'unsigned'],
    ['no object', () => 'text', 'unsigned'],
    ['altered', () => ({ ...edge.seal('x', { a: 1 }, DAY_MS), a: 2 }), 'altered'],
    ['extended', () => ({ ...edge.seal('x', { a: 1 }, DAY_MS), more: true }), 'altered'],
    ['made to last', () => withEnvelope(edge.seal('x', { a: 1 }, 1), { expiresAtMs: Date.now() + DAY_MS }), 'altered'],
    ['signed for something else', () => edge.seal('y', { a: 1 }, DAY_MS), 'altered'],
    ['signed with other keys', () => stranger.seal('x', { a: 1 }, DAY_MS), 'altered'],
    ['signed by another service', () => worker.seal('x', { a: 1 }, DAY_MS), 'signed by a worker'],
    ['signed by another service that says it is the edge', () => withEnvelope(worker.seal('x', { a: 1 }, DAY_MS), { issuer: 'mcp-edge' }), 'altered'],
    ['expired', () => at(Date.now() - 8 * DAY_MS).seal('x', { a: 1 }, 7 * DAY_MS), 'expired'],
    ['signed in the future', () => at(Date.now() + DAY_MS).seal('x', { a: 1 }, DAY_MS), 'signed in the future'],
  ])('that is %s does not count', (_, value, flaw) => {
    expect(worker.flaw('x', viaJson(value()), ['mcp-edge'])).toContain(flaw);
  });

  it('counts for days where it is to, and without keys always', () => {
    expect(worker.flaw('x', at(Date.now() - 6 * DAY_MS).seal('x', { a: 1 }, 7 * DAY_MS), ['mcp-edge'])).toBeUndefined();
    expect(Envelopes.none.flaw('x', { a: 1 }, ['mcp-edge'])).toBeUndefined();
    expect(Envelopes.none.seal('x', { a: 1 }, 1)).toEqual({ a: 1 });
  });

  it('has keys for its owner only, which stay; several may be trusted; what is no key is told', () => {
    const ours = join(directory, 'ours');
    const before = readFileSync(join(ours, 'worker.key'), 'utf8');
    generateEnvelopeKeys(ours);
    expect([readFileSync(join(ours, 'worker.key'), 'utf8'), statSync(join(ours, 'worker.key')).mode & 0o777]).toEqual([before, 0o600]);
    writeFileSync(join(ours, 'mcp-edge-next.pub'), readFileSync(join(directory, 'theirs', 'mcp-edge.pub')));
    expect(Envelopes.from(ours, 'worker').flaw('x', stranger.seal('x', { a: 1 }, 1), ['mcp-edge'])).toBeUndefined();
    rmSync(join(ours, 'mcp-edge-next.pub'));
    writeFileSync(join(directory, 'worker.key'), 'nonsense');
    expect(() => readEnvelopeKeys(directory, 'worker')).toThrow(/worker.key cannot be read as a key/);
    expect(() => readEnvelopeKeys(directory, 'supervisor')).toThrow(/supervisor.key cannot be read as a key \(ENOENT\)/);
  });

  it('has no service without a key of each that it must believe; a lost public key comes from its own', () => {
    const few = join(directory, 'few');
    generateEnvelopeKeys(few);
    const name = join(few, 'mcp-edge.pub');
    const known = readFileSync(name, 'utf8');
    rmSync(name);
    expect(() => readEnvelopeKeys(few, 'worker')).toThrow(/mcp-edge\.pub is missing.*unset ENVELOPE_KEYS_DIR/);
    expect(readEnvelopeKeys(few, 'mcp-edge').trusted.get('worker')).toHaveLength(1);
    generateEnvelopeKeys(few);
    expect(readFileSync(name, 'utf8')).toBe(known);
    const trusting = new Envelopes('worker', { own: readEnvelopeKeys(few, 'worker').own, trusted: new Map() });
    expect(trusting.flaw('x', edge.seal('x', { a: 1 }, 1000), ['mcp-edge'])).toContain('no key of mcp-edge is trusted');
  });
});

const at = (nowMs: number): Envelopes => new Envelopes('mcp-edge', readEnvelopeKeys(join(directory, 'ours'), 'mcp-edge'), () => nowMs);
const withEnvelope = (sealed: object, changes: object): object => ({ ...sealed, envelope: { ...(sealed as { envelope: object }).envelope, ...changes } });

const request = (more: Partial<TurnRequest> = {}): TurnRequest => ({ turnId: newTurnId(), tool: 'chat', agent, arguments: { message: 'hi', list: { 2: 'b', 1: 'a' } }, correlationId: 'c', acceptedAtMs: 1, ...more });

describe('a turn', () => {
  const claimed = async (accepting: Envelopes, tamper: (turn: TurnRequest) => Promise<unknown> = async () => undefined) => {
    const turn = request();
    await new TurnStore(redis, undefined, accepting).accept(turn, 10);
    await tamper(turn);
    return new TurnStore(redis, undefined, worker).claim(turn.turnId, agent.key, lease);
  };
  const stored = async ({ turnId }: TurnRequest) => JSON.parse((await redis.hget(`codex-mcp:turn:${turnId}`, 'request')) ?? '') as object;
  const rewrite = ({ turnId }: TurnRequest, json: unknown) => redis.hset(`codex-mcp:turn:${turnId}`, 'request', typeof json === 'string' ? json : JSON.stringify(json));

  it('of an edge is run', async () => {
    expect(await claimed(edge)).toMatchObject({ outcome: 'claimed', request: { arguments: { message: 'hi' } } });
  });

  it.each<[string, () => ReturnType<typeof claimed>]>([
    ['nobody signed', () => claimed(Envelopes.none)],
    ['somebody else signed', () => claimed(stranger)],
    ['a worker signed', () => claimed(worker)],
    ['was changed', () => claimed(edge, async (turn) => rewrite(turn, { ...(await stored(turn)), arguments: { message: 'other' } }))],
    ['is another turn’s', () => claimed(edge, async (turn) => rewrite(turn, edge.seal('turn', request(), DAY_MS)))],
    ['is another agent’s', () => claimed(edge, async (turn) => rewrite(turn, edge.seal('turn', request({ turnId: turn.turnId, agent: { ...agent, key: agentKey('local', 'b'), agentId: 'b' } }), DAY_MS)))],
    ['names another tenant than its key', () => claimed(edge, async (turn) => rewrite(turn, edge.seal('turn', request({ turnId: turn.turnId, agent: { ...agent, tenant: 'other' } }), DAY_MS)))],
    ['is no JSON', () => claimed(edge, (turn) => rewrite(turn, '{'))],
  ])('that %s is not', async (_, claim) => {
    expect(await claim()).toMatchObject({ outcome: 'forged', attempts: 1 });
  });
});

describe('commands to turns', () => {
  it('are heard where an edge has signed them; nothing else is, and what is no command harms nobody', async () => {
    const subscriber = createSubscriber(redis);
    const [heard, forged]: [TurnCommand[], string[]] = [[], []];
    await new TurnControl(subscriber, worker, (flaw, { action }) => forged.push(`${action}: ${flaw}`)).listen((command) => heard.push(command), () => undefined);
    await redis.publish('codex-mcp:turn-control', '{');
    await redis.publish('codex-mcp:turn-control', '{"action":"steer","turnId":"t","steerId":"s","text":"forged"}');
    await new TurnStore(redis, undefined, worker).send({ action: 'cancel', turnId: 't' });
    await new TurnStore(redis, undefined, edge).send({ action: 'steer', turnId: 't', steerId: 's', text: 'genuine' });
    await eventually(() => expect(heard).toHaveLength(1));
    expect([heard, forged]).toEqual([[{ action: 'steer', turnId: 't', steerId: 's', text: 'genuine' }], ['steer: unsigned', 'cancel: signed by a worker']]);
    subscriber.disconnect();
  });
});

describe('an approval', () => {
  const approvalIn = async () => {
    const turn = request();
    const turns = new TurnStore(redis, undefined, edge);
    await turns.accept(turn, 10);
    await turns.claim(turn.turnId, agent.key, lease);
    const approval = { approvalId: approvalIdOf(turn.turnId, 'x'), turnId: turn.turnId, tool: 'chat', agent, subject: { kind: 'command' as const, command: 'ls' }, askedAtMs: 1 };
    const asked = () => new ApprovalStore(redis, worker).ask(approval, 1, 60_000, 'decline');
    await asked();
    return { approval, asked };
  };
  const yes = { decision: 'accept', via: 'rest', atMs: 1 } as const;

  it('is answered by an edge', async () => {
    const { approval, asked } = await approvalIn();
    await new ApprovalStore(redis, edge).answer(approval, yes);
    expect(await asked()).toMatchObject({ outcome: 'answered', answer: { decision: 'accept' } });
  });

  it.each<[string, (approvalId: string) => object]>([
    ['unsigned', () => yes],
    ['of nobody who answered in time', () => ({ ...yes, via: 'deadline' })],
    ['to another approval', () => edge.seal(`answer to ${approvalIdOf('t', 'y')}`, yes, DAY_MS)],
    ['of a worker', (approvalId) => worker.seal(`answer to ${approvalId}`, yes, DAY_MS)],
  ])('takes no answer that is %s', async (_, answer) => {
    const { approval, asked } = await approvalIn();
    await redis.hset(`codex-mcp:approval:${approval.approvalId}`, 'answer', JSON.stringify(answer(approval.approvalId)));
    expect(await asked()).toMatchObject({ outcome: 'forged' });
  });

  it('shows nobody another question than the worker’s', async () => {
    const { approval } = await approvalIn();
    const forged: string[] = [];
    const shown = new ApprovalStore(redis, edge, (flaw) => forged.push(flaw));
    expect(await shown.open()).toHaveLength(1);
    const key = `codex-mcp:approval:${approval.approvalId}`;
    await redis.hset(key, 'approval', ((await redis.hget(key, 'approval')) ?? '').replace('"ls"', '"true"'));
    expect([await shown.open(), forged]).toEqual([[], [expect.stringContaining('altered')]]);
  });

  it('shows nobody the worker’s question of another approval', async () => {
    const { approval: harmless } = await approvalIn();
    const approval = { ...harmless, approvalId: approvalIdOf(harmless.turnId, 'y'), subject: { kind: 'command' as const, command: 'rm -rf .' } };
    await new ApprovalStore(redis, worker).ask(approval, 1, 60_000, 'decline');
    const forged: string[] = [];
    const shown = new ApprovalStore(redis, edge, (flaw, approvalId) => forged.push(`${approvalId}: ${flaw}`));
    await redis.hset(`codex-mcp:approval:${approval.approvalId}`, 'approval', (await redis.hget(`codex-mcp:approval:${harmless.approvalId}`, 'approval')) ?? '');
    expect(await shown.load(approval.approvalId)).toBeUndefined();
    expect((await shown.open()).map((open) => open.approval.approvalId)).toEqual([harmless.approvalId]);
    expect(new Set(forged)).toEqual(new Set([`${approval.approvalId}: another approval’s`]));
  });
});

describe('a command to a supervisor', () => {
  const placement = { supervisorId: 's', relayUrl: 'http://x', workspace: { kind: 'volume' as const }, cwd: '/', stateDir: '/', sandbox: 'external' as const };

  it.each<[string, (job: Job) => object, object]>([
    ['of the supervisor', (job) => supervisor.seal(resultAction('placements', 'ensure', job.id ?? '', job.data), placement, DAY_MS), { relayUrl: 'http://x' }],
    ['of nobody', () => placement, { code: 'not_authentic' }],
    ['of a worker', (job) => worker.seal(resultAction('placements', 'ensure', job.id ?? '', job.data), placement, DAY_MS), { code: 'not_authentic' }],
    ['to another agent’s', (job) => supervisor.seal(resultAction('placements', 'ensure', job.id ?? '', { agent: { key: 'other' } }), placement, DAY_MS), { code: 'not_authentic' }],
    ['to an earlier command', (job) => supervisor.seal(resultAction('placements', 'ensure', 'earlier', job.data), placement, DAY_MS), { code: 'not_authentic' }],
  ])('is signed, and believes an answer %s as it should', async (_, answer, expected) => {
    const flaws: (string | undefined)[] = [];
    const connection = redis.duplicate({ maxRetriesPerRequest: null });
    const answering = new Worker(
      'placements',
      async (job) => {
        const actions = [commandAction('placements', 'ensure', job.id ?? ''), commandAction('supervisor-2', 'ensure', job.id ?? ''), commandAction('placements', 'ensure', 'other')];
        flaws.push(...actions.map((action) => supervisor.flaw(action, job.data, ['worker'])));
        return answer(job);
      },
      { connection, prefix: QUEUE_PREFIX },
    );
    const client = new QueueClient(placementsQueue, 'placements', redis, worker);
    const result = await client.request('ensure', { agent, correlationId: 'c' }, 10_000).catch((error: unknown) => error);
    expect(result).toMatchObject(expected);
    expect(flaws).toEqual([undefined, expect.stringContaining('altered'), expect.stringContaining('altered')]);
    await Promise.all([client.close(), answering.close()]);
    connection.disconnect(); // BullMQ closes only connections that it made itself
  });
});

describe('a pass for the relay', () => {
  const pass = { agentKey: agent.key, epoch: 3, supervisorId: 's' };

  it('is one worker’s for one agent, epoch and supervisor', () => {
    const flawOf = (header: string | undefined, expected = pass) => relayPassFlaw(supervisor, header, expected);
    expect(flawOf(relayPass(worker, pass))).toBeUndefined();
    expect(flawOf(undefined)).toBe('unsigned');
    expect(flawOf(relayPass(edge, pass))).toBe('signed by a mcp-edge');
    for (const other of [{ ...pass, epoch: 4 }, { ...pass, agentKey: 'b' }, { ...pass, supervisorId: 'z' }]) expect(flawOf(relayPass(worker, pass), other)).toContain('another agent');
    expect(relayPassFlaw(Envelopes.none, undefined, pass)).toBeUndefined();
  });
});

describe('what is no record at all', () => {
  it('in a log is passed over by its readers', async () => {
    const subscriber = createSubscriber(redis);
    const log = new TurnLogReader(subscriber, redis);
    const seen: unknown[] = [];
    const stop = await log.follow('t', ({ event }) => seen.push(event));
    for (const entry of ['{', '[]', '{"seq":1,"atMs":1,"event":{"type":"nonsense"}}', '{"seq":1,"atMs":1,"event":{"type":"status","message":"real"}}']) {
      const id = await redis.xadd('codex-mcp:turn:t:log', '*', 'e', entry);
      await redis.publish('codex-mcp:turn:t:log', `${id} ${entry}`);
    }
    await redis.publish('codex-mcp:turn:t:log', 'nonsense');
    await eventually(() => expect(seen).toHaveLength(1));
    expect(await log.read('t')).toHaveLength(1);
    stop();
    subscriber.disconnect();
  });

  it('among the heartbeats, or under another’s name, is none', async () => {
    const beat = { service: 'gateway', instance: 'g', version: '1', startedAtMs: 1, pid: 1, signIn: { method: 'none' } };
    await redis.mset('codex-mcp:beat:worker:w', JSON.stringify(beat), 'codex-mcp:beat:gateway:x', '{', 'codex-mcp:beat:gateway:g', JSON.stringify(beat));
    await redis.sadd('codex-mcp:beats', 'codex-mcp:beat:worker:w', 'codex-mcp:beat:gateway:x', 'codex-mcp:beat:gateway:g');
    expect((await readHeartbeats(redis)).map(({ instance }) => instance)).toEqual(['g']);
  });
});
