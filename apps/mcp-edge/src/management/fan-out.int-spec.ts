import { eventually, startRedis } from '@codex-mcp/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { HeldTurns } from '../testing/held-turn.fixture.js';
import { startTestSystem, type TestSystem } from '../testing/system.fixture.js';

jest.setTimeout(30_000); // on a busy machine

let system: TestSystem;

beforeAll(async () => {
  system = await startTestSystem(await startRedis(), {}, ['mine', 'theirs']);
});
afterAll(() => system.stop());
beforeEach(async () => void (await eventually(() => system.worker.reset())));

type Begun = { turns: { agent_id: string; turn_id?: string; error_code?: string }[]; results?: unknown; next: string };

const post = (tool: string, args: object, token = 'mine') => system.edge.call(`/tools/${tool}`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(args) });
const task = { task: 't', target_files: ['a'], workspace: '/srv/code' };
const implementN = async (args: object): Promise<Begun> => (await post('implement_n', args)).json['structuredContent'] as Begun;
const idsOf = ({ turns }: Begun): string[] => turns.map(({ turn_id: turnId }) => turnId ?? '');

/** Turns whose agents disagree: the first changes something, others fail. */
function answer(): void {
  system.worker.play = async ({ request: { turnId, agent } }) => {
    if (!agent.agentId.endsWith('-1')) return { type: 'failed', error: { code: 'quota_exceeded', message: 'Wait.', retryable: false } };
    const changes = { diff: '+x', files: [{ path: 'a', status: 'added' }], truncated: false };
    const output = { summary: 'did it', explanation: 'e', integration_notes: [], changes, turn_id: turnId, agent_id: agent.agentId, duration_ms: 1, commands: [{ command: 'npm test', exit_code: 0 }], tests: [{ command: 'npm test', run_by: 'server', exit_code: 0, passed: 3, output: 'ok' }] };
    return { type: 'completed', output };
  };
}

describe('implement_n', () => {
  it('gives the task to agents of their own, and compare shows what became of it', async () => {
    answer();
    const begun = await implementN({ ...task, n: 3, agent_id: 'fan', model: 'gpt-5.5' });
    expect(begun.turns.map(({ agent_id: agentId }) => agentId)).toEqual(['fan-1', 'fan-2', 'fan-3']);
    const compared = (await post('compare', { turn_ids: idsOf(begun), wait_s: 20 })).json['structuredContent'];
    expect(compared).toMatchObject({
      finished: true,
      turns: [
        { agent_id: 'fan-1', status: 'completed', summary: 'did it', changes: { diff: '+x' }, commands: [{ command: 'npm test', exit_code: 0 }], tests: [{ command: 'npm test', run_by: 'server', exit_code: 0, passed: 3 }] },
        { agent_id: 'fan-2', status: 'failed', error_code: 'quota_exceeded' },
        { agent_id: 'fan-3', status: 'failed', error_code: 'quota_exceeded' },
      ],
    });
    expect(system.worker.seen.map(({ tool, arguments: { task: asked, workspace, model } }) => ({ tool, asked, workspace, model }))).toEqual(
      Array.from({ length: 3 }, () => ({ tool: 'implement', asked: 't', workspace: '/srv/code', model: 'gpt-5.5' })),
    );
  });

  it('waits, where it is asked to, and shows the answers itself', async () => {
    answer();
    const { turns, results, next } = await implementN({ ...task, n: 2, agent_id: 'patient', wait_s: 20 });
    expect(turns).toHaveLength(2);
    expect(results).toMatchObject([{ agent_id: 'patient-1', tests: [{ command: 'npm test', passed: 3 }] }, { agent_id: 'patient-2', error_code: 'quota_exceeded' }]);
    expect(next).toBe('Call apply with the agent_id that you choose.');
  });

  it('repeated with its key is the same turns', async () => {
    answer();
    const [one, other] = [await implementN({ ...task, n: 2, agent_id: 'again', idempotency_key: 'k' }), await implementN({ ...task, n: 2, agent_id: 'again', idempotency_key: 'k' })];
    expect(idsOf(other)).toEqual(idsOf(one));
  });

  it.each([
    ['no directory', { workspace: undefined }, /name the directory/],
    ['one directory for all', { workspace_mode: 'direct' }, /several agents cannot work in one directory/],
    ['a thread', { thread_id: 'thread_1' }, /belongs to one agent/],
    ['one agent', { n: 1 }, /at least 2/],
  ])('is refused with %s', async (_, args, message) => {
    const refused = await post('implement_n', { ...task, n: 2, ...args });
    expect(refused.json).toMatchObject({ code: 'invalid_arguments' });
    expect(JSON.stringify(refused.json)).toMatch(message);
    expect(system.worker.seen).toEqual([]);
  });
});

describe('compare', () => {
  it('says of turns that have not ended that they have not', async () => {
    const held = new HeldTurns(system.worker);
    const begun = await implementN({ ...task, n: 2, agent_id: 'slow' });
    await eventually(() => held.played.length === 2);
    expect((await post('compare', { turn_ids: idsOf(begun) })).json['structuredContent']).toMatchObject({ finished: false, turns: [{ status: 'running' }, { status: 'running' }] });
    held.release();
  });

  it('knows no turns of others', async () => {
    answer();
    const begun = await implementN({ ...task, n: 2, agent_id: 'private' });
    expect(await post('compare', { turn_ids: idsOf(begun) }, 'theirs')).toMatchObject({ status: 404, json: { code: 'unknown_turn' } });
  });
});
