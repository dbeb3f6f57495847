import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import type { TestEdge } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(60_000); // on a busy machine

const ADA = { authorization: 'Bearer ada' };
const CALL = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'chat', arguments: { message: 'long' } } };
const CANCEL = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7, reason: 'enough' } });

let system: TestSystem;
let other: TestEdge;
let held: HeldTurns;

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), {}, ['ada', 'bob']);
  other = await system.replica();
});
afterAll(() => system.stop());
beforeEach(async () => {
  await eventually(() => system.worker.reset());
  held = new HeldTurns(system.worker);
});
afterEach(() => held.release());

const send = (request: ClientRequest): Promise<number> => once(request, 'response').then(([answer]) => ((answer as IncomingMessage).resume(), (answer as IncomingMessage).statusCode ?? 0));
const post = async (path: string, body: unknown, { edge = system.edge, headers = ADA } = {}): Promise<number> =>
  (await edge.call(path, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) })).status;

/** A session over HTTP+SSE with a call under way. `leave` closes its stream and resolves when the edge knows. */
async function callUnderWay(): Promise<{ path: string; wasCancelled: () => boolean; leave: () => Promise<void> }> {
  const stream = httpRequest({ host: '127.0.0.1', port: system.edge.port, path: '/sse', headers: ADA, agent: false }).end();
  const [response] = (await once(stream, 'response')) as [IncomingMessage];
  stream.on('error', () => undefined); // it is left
  response.on('error', () => undefined);
  let path = '';
  createInterface(response).on('line', (line) => (path ||= /^data: (\/messages\S+)/.exec(line)?.[1] ?? '')).on('error', () => undefined);
  await eventually(() => path !== '');
  expect(await post(path, { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'leaver', version: '1' } } })).toBe(202);
  expect(await post(path, CALL)).toBe(202);
  const turn = await held.first();
  let wasCancelled = false;
  void turn.cancelled.then(() => (wasCancelled = true));
  const leave = async () => {
    stream.destroy();
    await eventually(async () => (await system.edge.call('/metrics')).text.includes('codex_mcp_mcp_sessions{transport="sse",service="mcp-edge"} 0'));
  };
  return { path, wasCancelled: () => wasCancelled, leave };
}

it('a cancellation counts whose stream closes while it is read', async () => {
  const { path, wasCancelled, leave } = await callUnderWay();
  const cancel = httpRequest({ host: '127.0.0.1', port: system.edge.port, path, method: 'POST', agent: false, headers: { ...ADA, 'content-length': CANCEL.length, expect: '100-continue' } });
  const answered = send(cancel);
  const begun = once(cancel, 'continue');
  cancel.flushHeaders();
  await begun;
  cancel.write(CANCEL.slice(0, 20));
  await leave();
  cancel.end(CANCEL.slice(20));
  expect(await answered).toBe(202);
  await eventually(wasCancelled);
});

it.each(['the edge that had the stream', 'another'])('a cancellation counts that comes after the close of its stream, at %s', async (where) => {
  const edge = where === 'another' ? other : system.edge;
  const { path, wasCancelled, leave } = await callUnderWay();
  await leave();
  expect(await post(path, CANCEL, { edge, headers: { authorization: 'Bearer bob' } })).toBe(404);
  expect(wasCancelled()).toBe(false);
  expect(await post(path, CANCEL, { edge })).toBe(202);
  await eventually(wasCancelled);
});

it('nothing else is taken after the close of a stream', async () => {
  const { path, leave } = await callUnderWay();
  await leave();
  expect(await post(path, { ...CALL, id: 8 })).toBe(404);
  held.release();
  // With its last call, what could still be cancelled has ended.
  await eventually(async () => expect(await post(path, CANCEL)).toBe(404));
  await eventually(async () => expect(await post(path, CANCEL, { edge: other })).toBe(404));
  expect(system.worker.seen).toHaveLength(1);
});
