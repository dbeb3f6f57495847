import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import { containerOf, containersOf } from '../stack/agent-containers.js';
import { chat, outputOf, runInAgent } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

describeWithDocker('an agent', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ env: { SESSION_TIMEOUT: '2' } });
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  const lastRequest = () => JSON.stringify(stack.fake.responsesRequests().at(-1)?.body);
  const stateOf = async (agentId: string) => (await (await containerOf(stack.deployment, agentId)).inspect()).State.Status;

  it('whose container was stopped wakes with its conversation and its files', async () => {
    const client = await stack.sseClient('stopped');
    await chat(client, 'my favourite colour is vermilion');
    await runInAgent(client, 'echo kept > file.txt');
    const { thread_id: thread } = await outputOf(client, 'get_my_session_info');
    await (await containerOf(stack.deployment, 'stopped')).stop();
    expect(await runInAgent(client, 'cat file.txt')).toContain('kept');
    expect(lastRequest()).toContain('my favourite colour is vermilion');
    expect(await outputOf(client, 'get_my_session_info')).toMatchObject({ thread_id: thread });
  });

  it('that nobody calls goes to sleep by itself and wakes with the next call', async () => {
    const client = await stack.httpClient('sleeper');
    await chat(client, 'the password of the day is oleander');
    const { Id: id } = (await containersOf(stack.deployment, 'sleeper'))[0] ?? {};
    await eventually(async () => expect(await stateOf('sleeper')).toBe('exited'), { timeoutMs: 15_000 });
    await eventually(async () => expect(await outputOf(client, 'get_my_session_info')).toMatchObject({ status: 'stopped' }));
    expect(await chat(client, 'what was it?')).toBe('fake: what was it?');
    expect(lastRequest()).toContain('the password of the day is oleander');
    expect(await containersOf(stack.deployment, 'sleeper')).toMatchObject([{ Id: id, State: 'running' }]);
  });

  it('keeps its conversation, files and container over a restart of everything', async () => {
    const before = await stack.httpClient('survivor');
    await chat(before, 'the ship is called Arethusa');
    await runInAgent(before, 'echo cargo > hold.txt');
    const session = await outputOf(before, 'get_my_session_info');
    await stack.restart();
    expect(await stateOf('survivor')).toBe('exited');
    const after = await stack.sseClient('survivor');
    expect(await outputOf(after, 'get_my_session_info')).toMatchObject({ thread_id: session['thread_id'], created_at: session['created_at'] });
    expect(await runInAgent(after, 'cat hold.txt')).toContain('cargo');
    expect(lastRequest()).toContain('the ship is called Arethusa');
    expect(await outputOf(after, 'get_my_session_info')).toMatchObject({ thread_id: session['thread_id'], container_id: session['container_id'] });
  });
});
