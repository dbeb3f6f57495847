import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { isTerminal } from '@codex-mcp/contracts';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { commandsIn, containerOf, execIn } from '../stack/agent-containers.js';
import { chat, directive } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { activeTurns, turnOf, unfinishedTurns } from '../stack/turns.js';

const held = directive({ shell: 'until [ -e /workspace/go ]; do sleep 0.05; done; rm /workspace/go; echo once >> count.txt' }, { text: 'the end' });

describeWithDocker('a turn under way', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ workers: 2, env: { SHUTDOWN_TIMEOUT: '1' } });
    client = await stack.httpClient('steady');
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  /** Resolves with the turn's id once the agent's command runs. */
  async function running(): Promise<string> {
    const commands = async () => containerOf(stack.deployment, 'steady').then(commandsIn, () => []);
    await eventually(async () => (await commands()).some((command) => command.includes('/workspace/go')));
    const [turn] = await unfinishedTurns(stack.redis(), 'steady');
    return turn?.request.turnId ?? '';
  }

  it('goes on with another worker when its own is told to stop, and its caller notices nothing', async () => {
    const answer = chat(client, held);
    const turnId = await running();
    const pid = await eventually(async () => [...(await activeTurns(stack.redis()))].find(([, turns]) => turns > 0)?.[0] ?? 0);
    process.kill(pid, 'SIGTERM');
    await eventually(async () => expect(await turnOf(stack.redis(), turnId)).toMatchObject({ epoch: 2, attempts: 2, status: 'running' }));
    await execIn(await containerOf(stack.deployment, 'steady'), 'touch', '/workspace/go');
    expect(await answer).toBe('the end');
    expect(stack.fake.responsesRequests()).toHaveLength(2);
    expect(await execIn(await containerOf(stack.deployment, 'steady'), 'cat', '/workspace/count.txt')).toBe('once\r\n');
  });

  it('ends with one record when everything is stopped, and the agent works on after the start', async () => {
    chat(client, held).catch(() => undefined); // its caller is disconnected
    const turnId = await running();
    await stack.shutDown();
    const { attempts } = await turnOf(stack.redis(), turnId);
    // A worker that is up before its supervisor must wait for it.
    const early = stack.launch('worker');
    await eventually(async () => (await turnOf(stack.redis(), turnId)).attempts > attempts, { timeoutMs: 30_000 });
    await stack.start();
    client = await stack.sseClient('steady');
    expect(await chat(client, 'what happened?')).toBe('fake: what happened?');
    const { status } = await turnOf(stack.redis(), turnId);
    expect(isTerminal(status)).toBe(true);
    expect(status).toBe('interrupted');
    await early.stop('SIGTERM');
    expect(stack.fake.responsesRequests().filter(({ model }) => model.userText.includes('/workspace/go'))).toHaveLength(1);
  });
});
