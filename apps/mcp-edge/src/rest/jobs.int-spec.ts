import { connect } from 'node:net';
import { newTurnId, type TurnEvent } from '@codex-mcp/contracts';
import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { type TestEdge } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(30_000); // on a busy machine

let system: TestSystem;
let redis: Redis;
let worker: StandInWorker;
let edge: TestEdge;

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), {}, ['mine', 'theirs']);
  ({ redis, worker, edge } = system);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));

const asMe = { authorization: 'Bearer mine' };
const post = (message: string, headers: Record<string, string> = {}, agent = 'default') =>
  edge.call('/tools/chat', { method: 'POST', headers: { ...asMe, ...headers }, body: JSON.stringify({ message, agent_id: agent }) });
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') => edge.call(path, { method, headers: { ...asMe, ...headers } });
const begin = async (message = 'hi', agent = 'default') => String((await post(message, { prefer: 'respond-async' }, agent)).json['turn_id']);
const completed = (turnId: string) => eventually(async () => (await get(`/jobs/${turnId}`)).json['status'] === 'completed');

type Frame = { id: string; event: string; data: { seq: number; event: TurnEvent } };
const frameOf = (text: string): Frame => {
  const [, id = '', event = '', data = ''] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(text) ?? [];
  return { id, event, data: JSON.parse(data) as Frame['data'] };
};
const framesOf = (text: string): Frame[] => text.split('\n\n').filter((part) => part.startsWith('id:')).map(frameOf);

/** An open stream of events that is read while the turn goes on. */
async function openStream(path: string, init: RequestInit = {}) {
  const hangUp = new AbortController();
  const response = await fetch(`${edge.url}${path}`, { ...init, headers: { ...asMe, ...(init.headers as Record<string, string>) }, signal: hangUp.signal });
  let text = '';
  const ended = (async () => {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
  })().catch(() => 'hung up');
  return { response, ended, frames: () => framesOf(text.slice(0, text.lastIndexOf('\n\n') + 2)), hangUp: () => hangUp.abort() };
}

/** How often a log was read since the counters were reset. */
const pagesRead = async () => Number(/cmdstat_xrange:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]);

describe('Prefer: respond-async', () => {
  it('answers 202 with a job that has the result later', async () => {
    const held = new HeldTurns(worker);
    const answer = await post('later', { prefer: 'return=minimal, respond-async; wait=10' });
    const turnId = String(answer.json['turn_id']);
    expect(answer.status).toBe(202);
    expect(answer.headers).toMatchObject({ location: `/jobs/${turnId}`, 'preference-applied': 'respond-async' });
    expect(answer.json).toMatchObject({ status: 'queued', tool: 'chat', agent_id: 'default', position: 0, job: `/jobs/${turnId}`, events: `/jobs/${turnId}/events` });
    await held.first();
    expect((await get(`/jobs/${turnId}`)).json).toMatchObject({ turn_id: turnId, status: 'running', tool: 'chat', accepted_at: expect.any(String) });
    held.release();
    await completed(turnId);
    expect((await get(`/jobs/${turnId}`)).json).toMatchObject({
      result: { structuredContent: { answer: 'echo: "later"' }, content: [{ type: 'text', text: expect.stringContaining('echo: "later"') }] },
    });
  });

  it('means nothing to a tool that answers at once', async () => {
    const answer = await edge.call('/tools/health_check', { method: 'POST', headers: { ...asMe, prefer: 'respond-async' } });
    expect(answer).toMatchObject({ status: 200, json: { structuredContent: { status: 'ok' } } });
  });

  it('refuses wrong arguments as ever', async () => {
    const answer = await edge.call('/tools/chat', { method: 'POST', headers: { ...asMe, prefer: 'respond-async' }, body: '{"massage":"x"}' });
    expect(answer).toMatchObject({ status: 422, headers: { 'content-type': expect.stringContaining('application/problem+json') }, json: { code: 'invalid_arguments' } });
  });

  it('gives the error of a turn that failed', async () => {
    worker.play = async () => ({ type: 'failed', error: { code: 'quota_exceeded', message: 'Wait.', retryable: false } });
    const turnId = await begin();
    await eventually(async () => (await get(`/jobs/${turnId}`)).json['status'] === 'failed');
    expect((await get(`/jobs/${turnId}`)).json).toMatchObject({ error: { code: 'quota_exceeded', message: 'Wait.' } });
  });
});

describe('DELETE /jobs/:id', () => {
  it('cancels a turn once', async () => {
    const held = new HeldTurns(worker);
    const turnId = await begin('long', 'deleted');
    await held.first();
    expect(await get(`/jobs/${turnId}`, {}, 'DELETE')).toMatchObject({ status: 202, json: { turn_id: turnId, cancel: 'requested' } });
    await eventually(async () => (await get(`/jobs/${turnId}`)).json['status'] === 'cancelled');
    expect(await get(`/jobs/${turnId}`, {}, 'DELETE')).toMatchObject({ status: 409, json: { code: 'already_ended', turn_id: turnId } });
    held.release();
  });
});

describe('GET /jobs/:id/events', () => {
  it('follows a turn to its end', async () => {
    const held = new HeldTurns(worker);
    const turnId = await begin('live', 'follower');
    const turn = await held.first();
    const stream = await openStream(`/jobs/${turnId}/events`);
    expect(stream.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await eventually(() => stream.frames().length === 2);
    await turn.append({ type: 'delta', itemId: 'm', text: 'Hello' });
    await eventually(() => stream.frames().length === 3);
    held.release();
    await stream.ended;
    expect(stream.frames().map(({ event }) => event)).toEqual(['queued', 'started', 'delta', 'completed']);
    expect(stream.frames().map(({ data }) => data.seq)).toEqual([1, 2, 3, 4]);
    expect(stream.frames()[2]?.data.event).toEqual({ type: 'delta', itemId: 'm', text: 'Hello' });
  });

  it('goes on behind what cannot be read, for who comes from before it and for who resumes right there', async () => {
    const turnId = await begin();
    await completed(turnId);
    const key = `codex-mcp:turn:${turnId}:log`;
    const entries = await redis.xrange(key, '-', '+');
    await redis.del(key);
    for (const [at, [, fields]] of entries.entries()) {
      await redis.xadd(key, `${at + 1}-0`, ...fields);
      for (const [index, junk] of [['d', 'no JSON'], ['d', '{"seq":1}'], ['other', '{}']].entries()) await redis.xadd(key, `${at + 1}-${index + 1}`, ...junk);
    }
    const whole = framesOf((await get(`/jobs/${turnId}/events`)).text);
    expect(whole.map(({ id, event }) => [id, event])).toEqual([['1-0', 'queued'], ['2-0', 'started'], ['3-0', 'completed']]);
    expect(framesOf((await get(`/jobs/${turnId}/events`, { 'last-event-id': '1-0' })).text)).toEqual(whole.slice(1));
    expect(framesOf((await get(`/jobs/${turnId}/events`, { 'last-event-id': '2-1' })).text)).toEqual(whole.slice(2));
    expect((await get(`/jobs/${turnId}/events`, { 'last-event-id': '3-0' })).status).toBe(204);
  });

  it('resumes after Last-Event-ID without loss or repetition, and says when there is nothing more', async () => {
    const held = new HeldTurns(worker);
    const turnId = await begin('resumed', 'resumer');
    const turn = await held.first();
    const first = await openStream(`/jobs/${turnId}/events`);
    await turn.append({ type: 'status', message: 'before' });
    await eventually(() => first.frames().length === 3);
    first.hangUp();
    await first.ended;
    await turn.append(...Array.from({ length: 250 }, (_, at): TurnEvent => ({ type: 'delta', itemId: 'm', text: `${at} ` })));
    const second = await openStream(`/jobs/${turnId}/events`, { headers: { 'last-event-id': first.frames().at(-1)?.id ?? '' } });
    await eventually(() => second.frames().length === 250);
    held.release();
    await second.ended;
    const resumed = [...first.frames(), ...second.frames()];
    expect(resumed.map(({ data }) => data.seq)).toEqual(Array.from({ length: 254 }, (_, at) => at + 1));
    expect(resumed).toEqual(framesOf((await get(`/jobs/${turnId}/events`)).text));
    expect(await get(`/jobs/${turnId}/events`, { 'last-event-id': resumed.at(-1)?.id ?? '' })).toMatchObject({ status: 204, text: '' });
  });

  it('refuses a cursor that is none', async () => {
    const turnId = await begin();
    expect(await get(`/jobs/${turnId}/events`, { 'last-event-id': '../1' })).toMatchObject({ status: 400, json: { code: 'malformed_cursor' } });
  });

  it('holds back for a reader that does not read, and loses nothing', async () => {
    const held = new HeldTurns(worker);
    const turnId = await begin('large', 'slow');
    const turn = await held.first();
    const text = 'z'.repeat(256 * 1024);
    for (let at = 0; at < 240; at++) await turn.append({ type: 'item_completed', item: { type: 'message', id: `m${at}`, text, interim: true } });
    held.release();
    await completed(turnId);
    await redis.config('RESETSTAT');
    const socket = connect(edge.port, '127.0.0.1');
    socket.pause();
    socket.write(`GET /jobs/${turnId}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer mine\r\nConnection: close\r\n\r\n`);
    // Another reader gets everything meanwhile, so the slow one has had its time too.
    expect(framesOf((await get(`/jobs/${turnId}/events`)).text)).toHaveLength(243);
    const readsOfBoth = await pagesRead();
    await redis.config('RESETSTAT');
    await get(`/jobs/${turnId}/events`);
    const readsOfOne = await pagesRead();
    expect(readsOfBoth - readsOfOne).toBeLessThan(readsOfOne / 2);
    let received = 0;
    let tail = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      tail = (tail + chunk.toString('latin1')).slice(-4000);
    });
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).toBeGreaterThan(60 * 1024 * 1024);
    expect(tail).toContain('event: completed');
  });
});

describe('Accept: text/event-stream on POST /tools/:name', () => {
  it('streams the events of the turn', async () => {
    const stream = await openStream('/tools/chat', { method: 'POST', headers: { accept: 'text/event-stream' }, body: '{"message":"stream"}' });
    await stream.ended;
    const location = stream.response.headers.get('location') ?? '';
    expect(stream.response.status).toBe(200);
    expect(location).toBe(`/jobs/${worker.seen[0]?.turnId}`);
    expect(stream.frames().map(({ event }) => event)).toEqual(['queued', 'started', 'completed']);
    expect(stream.frames()).toEqual(framesOf((await get(`${location}/events`)).text));
  });

  it('is a plain answer where JSON is as welcome', async () => {
    expect((await post('plain', { accept: 'application/json, text/event-stream' })).json).toMatchObject({ structuredContent: { answer: 'echo: "plain"' } });
  });
});

describe('a foreign job', () => {
  it.each([['GET', ''], ['DELETE', ''], ['GET', '/events']])('is the same error as an unknown one for %s %s', async (method, suffix) => {
    const turnId = await begin();
    const foreign = await get(`/jobs/${turnId}${suffix}`, { authorization: 'Bearer theirs' }, method);
    const unknown = await get(`/jobs/${newTurnId()}${suffix}`, { authorization: 'Bearer theirs' }, method);
    expect(foreign).toMatchObject({ status: 404, json: { code: 'unknown_turn' } });
    expect({ ...foreign.json, correlation_id: '' }).toEqual({ ...unknown.json, correlation_id: '' });
    expect((await edge.call(`/jobs/${turnId}${suffix}`, { method })).status).toBe(401);
  });
});

describe('Idempotency-Key', () => {
  it('makes a repeated call the same turn, while it runs and after its end', async () => {
    const held = new HeldTurns(worker);
    const key = { 'idempotency-key': 'order-4711' };
    const first = post('once', key);
    const { request } = await held.first();
    const second = post('once', key);
    const job = await post('once', { ...key, prefer: 'respond-async' });
    expect(job).toMatchObject({ status: 202, json: { turn_id: request.turnId, status: 'running' } });
    held.release();
    expect((await first).json).toMatchObject({ turn_id: request.turnId, structuredContent: { answer: 'echo: "once"' } });
    expect((await second).json).toEqual((await first).json);
    expect((await post('once', key)).json).toEqual((await first).json);
    const byArgument = await edge.call('/tools/chat', { method: 'POST', headers: asMe, body: '{"message":"once","idempotency_key":"order-4711"}' });
    expect(byArgument.json).toEqual((await first).json);
    const started = await edge.call('/tools/start', { method: 'POST', headers: { ...asMe, ...key }, body: '{"tool":"chat","arguments":{"message":"once"}}' });
    expect(started.json).toMatchObject({ structuredContent: { turn_id: request.turnId, status: 'completed' } });
    expect(worker.seen).toHaveLength(1);
    expect(worker.seen[0]?.arguments).toEqual({ message: 'once', agent_id: 'default' });
  });

  it('is of one agent, and a conflict for another call', async () => {
    const key = { 'idempotency-key': 'same' };
    const { turn_id: turnId } = (await post('a', key, 'one')).json;
    expect((await post('a', key, 'two')).json['turn_id']).not.toBe(turnId);
    expect(await post('b', key, 'one')).toMatchObject({ status: 409, json: { code: 'idempotency_conflict', turn_id: turnId } });
    const otherTool = await edge.call('/tools/plan', { method: 'POST', headers: { ...asMe, ...key, 'x-agent-id': 'one' }, body: '{"task":"a"}' });
    expect(otherTool).toMatchObject({ status: 409, json: { code: 'idempotency_conflict' } });
    expect(worker.seen).toHaveLength(2);
  });

  it('gives the same failure again', async () => {
    worker.play = async () => ({ type: 'failed', error: { code: 'turn_failed', message: 'No.', retryable: false } });
    const first = await post('fail', { 'idempotency-key': 'f' });
    const again = await post('fail', { 'idempotency-key': 'f' });
    expect(again.json).toEqual({ ...first.json, correlation_id: again.json['correlation_id'] });
    expect(worker.seen).toHaveLength(1);
  });

  it('has a length', async () => {
    expect(await post('x', { 'idempotency-key': 'k'.repeat(201) })).toMatchObject({ status: 422, json: { code: 'invalid_arguments' } });
  });
});
