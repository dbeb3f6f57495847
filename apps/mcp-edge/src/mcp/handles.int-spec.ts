import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Redis } from 'ioredis';
import { connectClient, startTestEdge, type TestEdge, TRANSPORTS } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(20_000); // on a busy machine

let system: TestSystem;
let redisServer: RedisFixture;
let redis: Redis;
let worker: StandInWorker;
let edge: TestEdge;

beforeAll(async () => {
  redisServer = await startRedis();
  system = await startTestSystem(redisServer, { HANDLE_AFTER: '0.3', PROGRESS_INTERVAL: '0.1' });
  ({ redis, worker, edge } = system);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));

describe.each(TRANSPORTS)('handles over %s', (transport) => {
  let client: Client;
  beforeEach(async () => {
    client = await connectClient(edge, transport, { name: `handles-${transport}` });
    await client.listTools(); // from here on the client validates results against their schemas
  });
  afterEach(() => client.close());

  const chat = (message: string, options: Parameters<Client['callTool']>[2] = {}) => client.callTool({ name: 'chat', arguments: { message } }, CallToolResultSchema, options);

  it('answer a call that asked for no progress, and the result follows by get_turn', async () => {
    const held = new HeldTurns(worker);
    const handle = await chat('long');
    const { request, threadId } = await held.first();
    const { turnId } = request;
    expect(handle.isError).toBeUndefined();
    expect(handle.structuredContent).toEqual({ turn_id: turnId, agent_id: `handles-${transport}`, thread_id: threadId, status: 'running', next: expect.stringContaining(`get_turn with turn_id "${turnId}"`) });
    expect(handle.content).toEqual([{ type: 'text', text: expect.stringContaining(turnId) }]);
    expect(handle._meta).toMatchObject({ 'codex-mcp/turnId': turnId });
    held.release();
    const ended = await eventually(async () => {
      const { structuredContent } = await client.callTool({ name: 'get_turn', arguments: { turn_id: turnId, wait_s: 1 } });
      return (structuredContent as { status: string }).status === 'completed' && (structuredContent as object);
    });
    expect(ended).toMatchObject({ result: { answer: 'echo: "long"', turn_id: turnId } });
    expect(worker.seen).toHaveLength(1);
  });

  it('say of a turn that waits behind another that it is queued', async () => {
    const held = new HeldTurns(worker);
    await chat('first');
    expect((await chat('second')).structuredContent).toMatchObject({ status: 'queued' });
    held.release();
    await eventually(() => worker.seen.length === 2);
  });

  it('are not for a client that asked for progress', async () => {
    const held = new HeldTurns(worker);
    let beatsHeard = 0;
    const call = chat('patient', { onprogress: () => void beatsHeard++ });
    await held.first();
    await eventually(() => beatsHeard > 6); // of one every 0.1 s: beyond HANDLE_AFTER
    held.release();
    expect((await call).structuredContent).toMatchObject({ answer: 'echo: "patient"' });
  });

  it('are not for a turn that is finished by then', async () => {
    const patient = await startTestEdge(redisServer.url); // which waits longer than the slowest machine takes
    const caller = await connectClient(patient, transport);
    try {
      expect((await caller.callTool({ name: 'chat', arguments: { message: 'short' } })).structuredContent).toMatchObject({ answer: 'echo: "short"' });
    } finally {
      await caller.close();
      await patient.close();
    }
  });

  it('leave the schema strict about results that are neither', async () => {
    worker.play = async ({ request }) => ({ type: 'completed', output: { turn_id: request.turnId, agent_id: 'a', duration_ms: 1, commands: [] } });
    expect((await chat('hollow')).isError).toBe(true);
  });

  it('stand in errors too', async () => {
    worker.play = async () => ({ type: 'failed', error: { code: 'quota_exceeded', message: 'Wait.', retryable: false } });
    const failed = await chat('x');
    const turnId = worker.seen[0]?.turnId;
    expect(failed).toMatchObject({ isError: true, _meta: { 'codex-mcp/turnId': turnId, 'codex-mcp/error': { code: 'quota_exceeded' } } });
    expect(failed.content).toContainEqual({ type: 'text', text: expect.stringContaining(`"turn_id": "${turnId}"`) });
  });
});

describe('an edge that ends', () => {
  it('answers long polls at once, and callers with the turn that goes on', async () => {
    const leaving = await startTestEdge(redisServer.url, { SHUTDOWN_TIMEOUT: '0.2' });
    const held = new HeldTurns(worker);
    const post = (tool: string, args: object) => leaving.call(`/tools/${tool}`, { method: 'POST', body: JSON.stringify(args) });
    const call = post('chat', { message: 'interrupted' });
    const { turnId } = (await held.first()).request;
    const stream = await fetch(`${leaving.url}/jobs/${turnId}/events`);
    const { turn_id: polled } = (await post('start', { tool: 'chat', arguments: { message: 'polled' }, agent_id: 'another' })).json['structuredContent'] as { turn_id: string };
    await eventually(() => held.played.length === 2);
    const { next_cursor: cursor } = (await post('get_turn', { turn_id: polled })).json['structuredContent'] as { next_cursor: string };
    const poll = post('get_turn', { turn_id: polled, cursor, wait_s: 50 });
    await eventually(async () => (await redis.pubsub('NUMSUB', `codex-mcp:turn:${polled}:log`))[1] === 1);
    const closed = leaving.close();
    expect(await call).toMatchObject({ status: 503, json: { code: 'service_unavailable', turn_id: turnId, detail: expect.stringContaining('get_turn') } });
    expect(await poll).toMatchObject({ status: 200, json: { structuredContent: { status: 'running', events: [] } } });
    expect(await stream.text()).toContain('event: started');
    await closed;
    held.release();
    await eventually(async () => ((await edge.call('/tools/get_turn', { method: 'POST', body: JSON.stringify({ turn_id: turnId }) })).json['structuredContent'] as { status: string }).status === 'completed');
  });
});
