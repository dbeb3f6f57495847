import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { commandsIn, containerOf, execIn } from '../stack/agent-containers.js';
import { call, chat, directive, errorOf, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { turnOf, unfinishedTurns } from '../stack/turns.js';

const message = directive({ shell: 'echo begun > begun.txt; sleep 4242; echo done > done.txt' });

describeWithDocker('cancellation', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ ownRedis: true });
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  const sleepers = async (agentId: string) => (await commandsIn(await containerOf(stack.deployment, agentId))).filter((command) => command.includes('sleep 4242'));

  /** Waits until the agent's command runs in its container; resolves with the turn's id. */
  async function running(agentId: string): Promise<string> {
    // The shell has the same words in its command line, before it has begun.
    await eventually(async () => (await sleepers(agentId)).some((command) => command.trim() === 'sleep 4242'));
    return String((await unfinishedTurns(stack.redis(), agentId))[0]?.request.turnId);
  }

  async function expectCancelled(client: Client, agentId: string, turnId: string): Promise<void> {
    await eventually(async () => expect(await turnOf(stack.redis(), turnId)).toMatchObject({ status: 'cancelled' }));
    await eventually(async () => expect(await sleepers(agentId)).toEqual([]));
    expect(await chat(client, 'and now?', { agent_id: agentId })).toBe('fake: and now?');
    const files = await execIn(await containerOf(stack.deployment, agentId), 'ls', '/workspace');
    expect(files).toMatch(/begun\.txt/);
    expect(files).not.toMatch(/done\.txt/);
  }

  it.each(['sse', 'http'] as const)('by a client over %s ends the command in the container, and the agent goes on', async (transport) => {
    const agentId = `aborter-${transport}`;
    const client = await (transport === 'sse' ? stack.sseClient(agentId) : stack.httpClient(agentId));
    const stop = new AbortController();
    const aborted = call(client, 'chat', { write: true, message }, { signal: stop.signal }).catch((error: unknown) => error);
    const turnId = await running(agentId);
    stop.abort();
    expect(await aborted).toBeInstanceOf(Error);
    await expectCancelled(client, agentId, turnId);
  });

  // The newer models run commands from code of theirs, the older ones call a tool for each.
  it.each(['gpt-6.1-sol', 'gpt-5.5'])('by the tool ends the command of %s in the container, and its caller is told', async (model) => {
    const agentId = `canceller-${model.replace('.', '-')}`;
    const client = await stack.httpClient(agentId);
    const cancelled = errorOf(client, 'chat', { write: true, message, model });
    const turnId = await running(agentId);
    const other = await stack.sseClient('somebody-else');
    expect(await outputOf(other, 'cancel', { turn_id: turnId })).toEqual({ turn_id: turnId, cancelled: true });
    expect(await cancelled).toMatchObject({ code: 'turn_cancelled', retryable: false });
    expect(await outputOf(other, 'cancel', { turn_id: turnId })).toMatchObject({ cancelled: false, reason: expect.stringContaining('cancelled') });
    await expectCancelled(client, agentId, turnId);
  });

  it('without a turn id means the turn that the agent runs, and leaves those behind it', async () => {
    const client = await stack.httpClient('runner');
    const cancelled = errorOf(client, 'chat', { write: true, message });
    const turnId = await running('runner');
    const next = chat(client, 'behind it');
    await eventually(async () => expect(await unfinishedTurns(stack.redis(), 'runner')).toHaveLength(2));
    expect(await outputOf(client, 'cancel')).toEqual({ turn_id: turnId, cancelled: true });
    expect(await cancelled).toMatchObject({ code: 'turn_cancelled' });
    expect(await next).toBe('fake: behind it');
  });

  it('of a queued turn keeps it from the model', async () => {
    const client = await stack.httpClient('waiter');
    const stop = new AbortController();
    const first = call(client, 'chat', { write: true, message }, { signal: stop.signal }).catch(() => undefined);
    await running('waiter');
    const queued = errorOf(client, 'chat', { write: true, message: 'never to be seen' });
    await eventually(async () => expect(await unfinishedTurns(stack.redis(), 'waiter')).toHaveLength(2));
    const turnId = String((await unfinishedTurns(stack.redis(), 'waiter'))[1]?.request.turnId);
    expect(await outputOf(client, 'cancel', { turn_id: turnId })).toEqual({ turn_id: turnId, cancelled: true });
    expect(await queued).toMatchObject({ code: 'turn_cancelled' });
    stop.abort();
    await first;
    expect(await chat(client, 'next')).toBe('fake: next');
    expect(stack.fake.responsesRequests().filter(({ model }) => model.userText.includes('never to be seen'))).toEqual([]);
  });

  it('does not happen to a turn whose client merely went away', async () => {
    const client = await stack.sseClient('leaver');
    const left = call(client, 'chat', { write: true, message: directive({ shell: 'until [ -e go ]; do sleep 0.05; done; echo $((6 * 7)) > result.txt' }) }).catch((error: unknown) => error);
    await stack.fake.waitFor(({ model }) => model?.userText.includes('-e go ') === true);
    const turnId = String((await unfinishedTurns(stack.redis(), 'leaver'))[0]?.request.turnId);
    await client.close();
    expect(await left).toBeInstanceOf(Error);
    await execIn(await containerOf(stack.deployment, 'leaver'), 'touch', '/workspace/go');
    await eventually(async () => expect(await turnOf(stack.redis(), turnId)).toMatchObject({ status: 'completed' }));
    const back = await stack.httpClient('leaver');
    expect(await chat(back, directive({ shell: 'cat result.txt' }))).toContain('42');
  });
});
