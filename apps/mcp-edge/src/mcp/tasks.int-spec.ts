import { ApprovalStore } from '@codex-mcp/messaging';
import { eventually, type RedisFixture, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { askIn } from '../testing/asking-turn.fixture.js';
import type { TestEdge } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { echo, StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(20_000); // on a busy machine

const TASKS = { extensions: { 'io.modelcontextprotocol/tasks': {} } };

let redisServer: RedisFixture;
let system: TestSystem;
let worker: StandInWorker;
let edge: TestEdge;

beforeAll(async () => {
  redisServer = await startRedis();
  system = await startTestSystem(redisServer, { HANDLE_AFTER: '0.3', PROGRESS_INTERVAL: '0.1', TURN_RETENTION: '1' });
  ({ worker, edge } = system);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));

type Answer = { status: number; result: Record<string, unknown>; error: { code: number; message: string } };

type AskOptions = { to?: TestEdge; capabilities?: object; progressToken?: string | undefined };

/** One request of a client that knows tasks, or does not. */
async function ask(method: string, params: Record<string, unknown>, { to = edge, capabilities = TASKS, progressToken }: AskOptions = {}): Promise<Answer> {
  const name = params['name'] ?? params['taskId'];
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'task-client', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...(progressToken !== undefined && { progressToken }),
  };
  const answer = await to.call('/mcp', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(typeof name === 'string' && { 'mcp-name': name }) },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } }),
  });
  const last = /^data: (.*)$/gm.exec(answer.text.split('\n\n').filter((event) => /"(result|error)":/.test(event)).at(-1) ?? '')?.[1];
  return { status: answer.status, ...((last === undefined ? answer.json : JSON.parse(last)) as Omit<Answer, 'status'>) };
}

const chat = (message: string, options?: AskOptions) => ask('tools/call', { name: 'chat', arguments: { message } }, options);
const get = async (taskId: unknown, options?: AskOptions) => (await ask('tasks/get', { taskId }, options)).result;

describe('a client that knows tasks', () => {
  it.each([undefined, 'token'])('is given one for a long turn (progress: %s), whose result any edge tells, also one that was started later', async (progressToken) => {
    const held = new HeldTurns(worker);
    const { result: task } = await chat('long', { progressToken });
    const { request } = await held.first();
    expect(task).toMatchObject({ resultType: 'task', taskId: request.turnId, status: 'working', ttlMs: 3_600_000, pollIntervalMs: expect.any(Number), createdAt: new Date(request.acceptedAtMs).toISOString() });
    expect(task).not.toHaveProperty('structuredContent');
    const later = await system.replica();
    expect(await get(task['taskId'], { to: later })).toMatchObject({ resultType: 'complete', status: 'working' });
    held.release();
    const ended = await eventually(async () => {
      const state = await get(task['taskId'], { to: later });
      return state['status'] === 'completed' && state;
    });
    expect(ended).toMatchObject({ taskId: request.turnId, result: { structuredContent: { answer: 'echo: "long"', turn_id: request.turnId }, content: [{ type: 'text', text: expect.stringContaining('echo: "long"') }] } });
  });

  it('gets the result of a short turn at once', async () => {
    const patient = await startTestSystem(await startRedis()); // waits longer than the slowest machine takes
    try {
      expect((await chat('short', { to: patient.edge })).result).toMatchObject({ resultType: 'complete', structuredContent: { answer: 'echo: "short"' } });
    } finally {
      await patient.stop();
    }
  });

  it('ends the turn by cancelling the task, once or twice, and not by leaving', async () => {
    const held = new HeldTurns(worker);
    const { result: task } = await chat('long');
    const turn = await held.first();
    let wasCancelled = false;
    void turn.cancelled.then(() => (wasCancelled = true));
    expect(await get(task['taskId'])).toMatchObject({ status: 'working' });
    expect(wasCancelled).toBe(false);
    expect((await ask('tasks/cancel', { taskId: task['taskId'] })).result).toMatchObject({ resultType: 'complete' });
    await turn.cancelled;
    await eventually(async () => expect(await get(task['taskId'])).toMatchObject({ status: 'cancelled' }));
    expect((await ask('tasks/cancel', { taskId: task['taskId'] })).result).toMatchObject({ resultType: 'complete' });
  });

  it('gets a failed turn as a completed task with an error result', async () => {
    let fail: () => void = () => undefined;
    const failing = new Promise<void>((resolve) => (fail = resolve));
    worker.play = async () => {
      await failing;
      return { type: 'failed', error: { code: 'quota_exceeded', message: 'Wait.', retryable: false } };
    };
    const { result: task } = await chat('doomed');
    expect(task).toMatchObject({ resultType: 'task' });
    fail();
    await eventually(async () => expect(await get(task['taskId'])).toMatchObject({ status: 'completed', result: { isError: true, _meta: { 'codex-mcp/error': { code: 'quota_exceeded' } } } }));
  });

  it('is asked through the task what its turn wants approved, where it can be, and answers there', async () => {
    const store = new ApprovalStore(system.redis);
    const decisions: string[] = [];
    worker.play = async (turn) => {
      const approvalId = await askIn(store, turn, 'q1');
      decisions.push(await eventually(async () => (await store.load(approvalId))?.answer?.decision ?? null, { timeoutMs: 20_000 }));
      return echo(turn);
    };
    const { turn_id: taskId } = (await edge.call('/tools/start', { method: 'POST', body: JSON.stringify({ tool: 'chat', arguments: { message: 'x' } }) })).json['structuredContent'] as { turn_id: string };
    const asked = { ...TASKS, elicitation: {} };
    const waiting = await eventually(async () => {
      const state = await get(taskId, { capabilities: asked });
      return state['status'] === 'input_required' && (state['inputRequests'] as Record<string, object>);
    });
    const [key = ''] = Object.keys(waiting);
    expect(waiting[key]).toMatchObject({ method: 'elicitation/create', params: { message: expect.stringContaining('npm install') } });
    expect(await get(taskId)).toMatchObject({ status: 'working' }); // who cannot be asked
    const update = (action: object) => ask('tasks/update', { taskId, inputResponses: { [key]: action, unknown: { action: 'accept', content: {} } } }, { capabilities: asked });
    expect((await update({ action: 'cancel' })).result).toMatchObject({ resultType: 'complete' });
    expect(await get(taskId, { capabilities: asked })).toMatchObject({ status: 'input_required' });
    await update({ action: 'accept', content: { decision: 'accept' } });
    await eventually(async () => expect(await get(taskId, { capabilities: asked })).toMatchObject({ status: 'completed' }));
    expect(decisions).toEqual(['accept']);
  });

  it('is told of a task that it does not have', async () => {
    expect(await ask('tasks/get', { taskId: `turn_${'0'.repeat(32)}` })).toMatchObject({ error: { code: -32602, message: expect.stringContaining('not found') } });
  });
});

describe('a client that does not know tasks', () => {
  it('gets a handle, and may not ask for tasks', async () => {
    const held = new HeldTurns(worker);
    const { result } = await chat('long', { capabilities: {} });
    expect(result).toMatchObject({ resultType: 'complete', structuredContent: { status: 'running', turn_id: (await held.first()).request.turnId } });
    held.release();
    expect(await ask('tasks/get', { taskId: 'x' }, { capabilities: {} })).toMatchObject({ status: 400, error: { code: -32021 } });
  });
});
