import { approvalIdOf } from '@codex-mcp/contracts';
import { ApprovalStore } from '@codex-mcp/messaging';
import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { askIn, INSTALL } from '../testing/asking-turn.fixture.js';
import { connectClient, type TestEdge, TRANSPORTS } from '../testing/edge.fixture.js';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import type { StandInWorker } from '../testing/stand-ins.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(30_000); // on a busy machine

let system: TestSystem;
let worker: StandInWorker;
let edge: TestEdge;
let store: ApprovalStore;

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), {}, ['mine', 'theirs']);
  ({ worker, edge } = system);
  store = new ApprovalStore(system.redis);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => worker.reset())));

const as = (token: string) => {
  const headers = { authorization: `Bearer ${token}` };
  const call = (path: string, body?: object) => edge.call(path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
  return {
    call,
    tool: async (name: string, args: object = {}) => (await call(`/tools/${name}`, args)).json['structuredContent'] as Record<string, unknown>,
    answer: (id: string, body: object) => call(`/approvals/${id}`, body),
  };
};
const me = as('mine');

async function asking(agentId: string): Promise<{ held: HeldTurns; turnId: string; approvalId: string }> {
  const held = new HeldTurns(worker);
  const { turn_id: turnId } = await me.tool('start', { tool: 'chat', arguments: { message: 'hi' }, agent_id: agentId });
  const approvalId = await askIn(store, await held.first(), 'q');
  return { held, turnId: String(turnId), approvalId };
}

describe('approvals', () => {
  it('are the same to tools, REST, turns and jobs, narrowed down to an agent or turn', async () => {
    const { held, turnId, approvalId } = await asking('asker');
    const view = { approval_id: approvalId, turn_id: turnId, agent_id: 'asker', tool: 'chat', ...INSTALL, asked_at: expect.any(String), expires_at: expect.any(String) };
    expect(await me.tool('list_approvals')).toEqual({ approvals: [view] });
    expect((await me.call('/approvals?agent_id=asker')).json).toEqual({ approvals: [view] });
    expect((await me.call('/approvals?agent_id=other')).json).toEqual({ approvals: [] });
    expect((await me.call(`/approvals?turn_id=${turnId}`)).json).toEqual({ approvals: [view] });
    expect(await me.tool('get_turn', { turn_id: turnId })).toMatchObject({ pending_approvals: [view], events: expect.arrayContaining([expect.objectContaining({ type: 'approval_requested', approval_id: approvalId, text: expect.stringContaining('npm install') })]) });
    expect((await me.call(`/jobs/${turnId}`)).json).toMatchObject({ pending_approvals: [view] });
    // Whoever reads all approvals to find a turn's fails.
    await system.redis.multi().set('codex-mcp:approval:unreadable', '').zadd('codex-mcp:open-approvals', Date.now() + 60_000, 'unreadable').exec();
    expect(await me.tool('get_turn', { turn_id: turnId })).toMatchObject({ pending_approvals: [view] });
    await system.redis.multi().del('codex-mcp:approval:unreadable').zrem('codex-mcp:open-approvals', 'unreadable').exec();
    held.release();
    await eventually(async () => expect((await me.call('/approvals')).json).toEqual({ approvals: [] }));
  });

  it('are answered once, with who it was; the second is told which answer counts', async () => {
    const { held, turnId, approvalId } = await asking('answered');
    const overRest = (decision: string) => me.answer(approvalId, { decision, message: 'fine' }).then(({ status }) => status === 200);
    const answered = await Promise.all([overRest('accept'), overRest('decline'), me.tool('answer_approval', { approval_id: approvalId, decision: 'Decline' }).then((outcome) => outcome['answered'])]);
    expect(answered.filter(Boolean)).toHaveLength(1);
    const { answer } = (await store.load(approvalId)) ?? {};
    expect(answer).toMatchObject({ via: expect.stringMatching(/^(rest|mcp)$/), by: 'default', correlationId: expect.any(String) });
    expect(await me.tool('answer_approval', { approval_id: approvalId, decision: 'accept' })).toMatchObject({ turn_id: turnId, answered: false, decision: answer?.decision, reason: expect.stringContaining('answered before') });
    expect((await me.answer(approvalId, { decision: 'accept' })).json).toMatchObject({ status: 409, code: 'already_answered', turn_id: turnId });
    held.release();
  });

  it('of somebody else are unknown', async () => {
    const { held, turnId, approvalId } = await asking('owner');
    const anonymous = (problem: Record<string, unknown>) => ({ ...problem, correlation_id: '' });
    const foreign = await as('theirs').answer(approvalId, { decision: 'accept' });
    expect(foreign).toMatchObject({ status: 404, json: { code: 'unknown_approval' } });
    expect(anonymous(foreign.json)).toEqual(anonymous((await as('theirs').answer(approvalIdOf('never'), { decision: 'accept' })).json));
    expect((await as('theirs').call(`/approvals?turn_id=${turnId}`)).json).toEqual({ approvals: [] });
    expect((await store.load(approvalId))?.answer).toBeUndefined();
    held.release();
  });

  it('cannot be answered any more once the turn has ended', async () => {
    const { held, approvalId, turnId } = await asking('ender');
    held.release();
    await eventually(async () => expect((await me.tool('get_turn', { turn_id: turnId }))['status']).toBe('completed'));
    expect((await me.answer(approvalId, { decision: 'accept' })).json).toMatchObject({ status: 409, detail: expect.stringContaining('turn has ended') });
  });

  it.each([{}, { decision: 'maybe' }, { decision: 'accept', extra: 1 }])('refuse %j as an answer', async (body) => {
    expect((await me.answer(approvalIdOf('x'), body)).json).toMatchObject({ status: 422, code: 'invalid_arguments' });
  });
});

describe.each(TRANSPORTS)('a call over %s whose turn asks', (transport) => {
  const connect = (name: string) => connectClient(edge, transport, { name, headers: { authorization: 'Bearer mine' } });

  it('is told so as progress, with how to answer, and goes on', async () => {
    const client = await connect('listener');
    const held = new HeldTurns(worker);
    const heard: string[] = [];
    const call = client.callTool({ name: 'chat', arguments: { message: 'x' } }, CallToolResultSchema, { onprogress: ({ message }) => void heard.push(message ?? '') });
    const approvalId = await askIn(store, await held.first(), 'q');
    await eventually(() => heard.includes(`waiting for approval of: npm install (answer with answer_approval, approval_id ${approvalId}, or it is not done)`));
    held.release();
    expect((await call).structuredContent).toMatchObject({ answer: 'echo: "x"' });
    await client.close();
  });

  it('is answered with a handle at once where it asked for no progress', async () => {
    const client = await connect('silent');
    await client.listTools(); // from here on the client validates results against their schemas
    const held = new HeldTurns(worker);
    const call = client.callTool({ name: 'chat', arguments: { message: 'x' } });
    const approvalId = await askIn(store, await held.first(), 'q');
    expect((await call).structuredContent).toMatchObject({ status: 'running', pending_approvals: [{ approval_id: approvalId, command: 'npm install' }], next: expect.stringContaining(`answer_approval with approval_id "${approvalId}"`) });
    held.release();
    await client.close();
  });
});
