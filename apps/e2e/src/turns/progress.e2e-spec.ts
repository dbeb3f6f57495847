import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeWithDocker, eventually } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import { containerOf, execIn } from '../stack/agent-containers.js';
import { call, chat, directive } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

describeWithDocker('progress', () => {
  let stack: Stack;
  let clients: Record<'sse' | 'http', Client>;

  beforeAll(async () => {
    stack = await startStack({ env: { PROGRESS_INTERVAL: '1' } });
    clients = { sse: await stack.sseClient('progress'), http: await stack.httpClient('progress') };
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  const clientOver = (transport: 'sse' | 'http'): Client => clients[transport];
  const messagesOf = (heard: Progress[]) => heard.map(({ message }) => message ?? '');

  it.each(['sse', 'http'] as const)('over %s tells what Codex does, in rising numbers', async (transport) => {
    const heard: Progress[] = [];
    const steps = [{ shell: `until [ -e go-${transport} ]; do sleep 0.05; done` }, { text: 'All is well that ends well' }];
    const answer = chat(clientOver(transport), directive(...steps), {}, { onprogress: (progress) => void heard.push(progress) });
    await eventually(() => expect(messagesOf(heard)).toContainEqual(expect.stringMatching(/^running: .*go-/)));
    await execIn(await containerOf(stack.deployment, 'progress'), 'touch', `/workspace/go-${transport}`);
    expect(await answer).toBe('All is well that ends well');
    const messages = messagesOf(heard);
    expect(messages[0]).toMatch(/^queued/);
    expect(messages).toContainEqual(expect.stringMatching(/^All is/));
    const numbers = heard.map(({ progress }) => progress);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  it.each(['sse', 'http'] as const)('over %s breaks the silence of a model that says nothing', async (transport) => {
    const heard: Progress[] = [];
    const stop = new AbortController();
    const silent = call(clientOver(transport), 'chat', { write: true, message: directive({ hang: true }) }, { signal: stop.signal, onprogress: (progress) => void heard.push(progress) }).catch((error: unknown) => error);
    await eventually(() => expect(messagesOf(heard).filter((message) => message.startsWith('still working')).length).toBeGreaterThan(1));
    stop.abort();
    expect(await silent).toBeInstanceOf(Error);
  });

  it.each(['sse', 'http'] as const)('over %s goes to nobody who did not ask', async (transport) => {
    const client = clientOver(transport);
    const heard: string[] = [];
    client.fallbackNotificationHandler = async ({ method }) => void heard.push(method);
    // Where the SDK reports progress that nobody asked for.
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a client is no EventTarget
    client.onerror = ({ message }) => heard.push(message);
    expect(await chat(client, directive({ shell: 'sleep 1.5' }, { text: 'quiet' }))).toBe('quiet');
    expect(heard).toEqual([]);
  });
});
