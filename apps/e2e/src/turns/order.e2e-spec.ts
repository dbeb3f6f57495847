import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeWithDocker, eventually, type ModelResponseRequest } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containerOf, execIn } from '../stack/agent-containers.js';
import { call, chat, directive } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { activeTurns, unfinishedTurns } from '../stack/turns.js';

const hold = 'until [ -e /workspace/go ]; do sleep 0.05; done';

describeWithDocker('turns on two workers', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ workers: 2, env: { WORKER_CONCURRENCY: '2' } });
    client = await stack.httpClient('order');
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  const requestsFor = (text: string) => stack.fake.responsesRequests().filter(({ model }) => model.userText.includes(text));

  it('of different agents overlap, on both workers, and do not wait for each other', async () => {
    const stop = new AbortController();
    const held = ['one', 'two', 'three'].map((agent) => call(client, 'chat', { write: true, message: directive({ hang: true }), agent_id: agent }, { signal: stop.signal }).catch((error: unknown) => error));
    await eventually(() => stack.fake.inFlight() === 3, { timeoutMs: 20_000 });
    // Three turns and two slots on each worker: both must be at work.
    await eventually(async () => expect([...(await activeTurns(stack.redis())).values()].toSorted((a, b) => a - b)).toEqual([1, 2]));
    expect(await chat(client, 'in the meantime', { agent_id: 'four' })).toBe('fake: in the meantime');
    expect(stack.fake.inFlight()).toBe(3);
    stop.abort();
    expect(await Promise.all(held)).toEqual([expect.any(Error), expect.any(Error), expect.any(Error)]);
    await eventually(() => expect(stack.fake.inFlight()).toBe(0));
  });

  it('of one agent run in the order in which they were accepted, one after the other', async () => {
    const agent_id = 'queue';
    const first = chat(client, directive({ shell: hold }, { text: 'held' }), { agent_id });
    await stack.fake.waitFor(({ model }) => model?.userText.includes('/workspace/go') === true, 20_000);
    const messages = Array.from({ length: 5 }, (_, index) => `message number ${index}`);
    const others = messages.map((message) => chat(client, message, { agent_id }));
    await eventually(async () => expect(await unfinishedTurns(stack.redis(), agent_id)).toHaveLength(6));
    const accepted = (await unfinishedTurns(stack.redis(), agent_id)).slice(1).map(({ request }) => request.arguments['message']);
    expect(new Set(accepted)).toEqual(new Set(messages));
    expect(requestsFor('message number')).toEqual([]);

    await execIn(await containerOf(stack.deployment, agent_id), 'touch', '/workspace/go');
    expect(await Promise.all([first, ...others])).toEqual(['held', ...messages.map((message) => `fake: ${message}`)]);
    const requests = stack.fake.responsesRequests();
    expect(requests.slice(-5).map(({ model }) => model.userText)).toEqual(accepted);
    expect(overlaps(requests)).toEqual([]);
  });

  it('beyond the queue’s length are refused, and the others run', async () => {
    const agent_id = 'full';
    const stops = Array.from({ length: 52 }, () => new AbortController());
    const calls = stops.map(({ signal }) => call(client, 'chat', { write: true, message: directive({ hang: true }), agent_id }, { signal }).catch(() => undefined));
    const refused = await Promise.race(calls);
    expect(refused).toMatchObject({ isError: true, _meta: { 'codex-mcp/error': { code: 'queue_full', retryable: true, message: expect.stringContaining('50') } } });
    await eventually(async () => expect(await unfinishedTurns(stack.redis(), agent_id)).toHaveLength(50));
    for (const stop of stops) stop.abort();
    await Promise.all(calls);
    await eventually(async () => expect(await unfinishedTurns(stack.redis(), agent_id)).toEqual([]));
    expect(await chat(client, 'room again', { agent_id })).toBe('fake: room again');
  });
});

/** Pairs of requests of which the second began before the first had ended. */
function overlaps(requests: readonly ModelResponseRequest[]): (readonly [string, string])[] {
  return requests.flatMap((request, index) => {
    const next = requests[index + 1];
    return next && next.at < (request.endedAt ?? Number.POSITIVE_INFINITY) ? [[request.model.userText, next.model.userText] as const] : [];
  });
}
