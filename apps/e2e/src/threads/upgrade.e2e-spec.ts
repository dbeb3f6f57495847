import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { agentKey, LOCAL_TENANT, newTurnId } from '@codex-mcp/contracts';
import { ThreadStore, TurnStore } from '@codex-mcp/messaging';
import { describeWithDocker } from '@codex-mcp/testing';
import { chat } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { turnOf } from '../stack/turns.js';
import { historySent } from './model-history.js';

describeWithDocker('an agent of a version without threads', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ ownRedis: true });
  });
  afterAll(() => stack.stop());

  it('goes on with its conversation, also in a turn that was accepted by that version', async () => {
    const client = await stack.httpClient('old');
    await chat(client, 'the ship is Arethusa');
    const agent = { key: agentKey(LOCAL_TENANT, 'old'), tenant: LOCAL_TENANT, agentId: 'old' };
    const [thread] = await new ThreadStore(stack.redis()).list(agent.key);
    await stack.redis().del(`codex-mcp:agent:${agent.key}:threads`);
    await stack.redis().hset(`codex-mcp:agent:${agent.key}`, 'threadId', String(thread?.codexThreadId));
    const waiting = { turnId: newTurnId(), tool: 'chat', agent, arguments: { message: 'the cat is Mimosa', write: true }, correlationId: 'c', acceptedAtMs: Date.now() };
    await new TurnStore(stack.redis(), undefined, stack.envelopes('mcp-edge')).accept(waiting, 10);
    await chat(client, 'what ship?'); // queued behind it, and sees to it that it has a job
    expect((await turnOf(stack.redis(), waiting.turnId)).terminal?.event).toMatchObject({ type: 'completed' });
    const before = ['the ship is Arethusa', 'fake: the ship is Arethusa', 'the cat is Mimosa', 'fake: the cat is Mimosa'];
    expect(historySent(stack.fake, 'what ship?')).toEqual([...before, 'what ship?']);
  }, 60_000);
});
