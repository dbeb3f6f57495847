import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { createSubscriber, TurnLogReader } from '@codex-mcp/messaging';
import { describeWithDocker, eventually, type Step } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Progress } from '@modelcontextprotocol/sdk/types.js';
import type { Redis } from 'ioredis';
import { chat, directive, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { unfinishedTurns } from '../stack/turns.js';

const AGENT = 'troubled';
const TIMEOUT_MS = 120_000;
const hour = { 'retry-after': '3600' };

describeWithDocker('trouble with the model', () => {
  let stack: Stack;
  let client: Client;
  let subscriber: Redis;

  beforeAll(async () => {
    stack = await startStack({ ownRedis: true, env: { MODEL_RETRY_MAX: '1', TURN_IDLE_TIMEOUT: '7' } });
    client = await stack.httpClient(AGENT);
    subscriber = createSubscriber(stack.redis());
    expect(await chat(client, 'ready?')).toBe('fake: ready?');
  }, TIMEOUT_MS);
  beforeEach(() => stack.fake.reset());
  afterAll(async () => {
    subscriber?.disconnect();
    await stack.stop();
  });

  const log = async (turnId: unknown) => new TurnLogReader(subscriber, stack.redis()).read(String(turnId));

  it.each<[string, Step, RegExp]>([
    ['a rate limit, for longer than Codex may be silent,', { status: 429, headers: { 'retry-after': '8' } }, /^The model is rate-limited; trying again in [89] s \(try 2\)$/],
    ['overload', { status: 503, headers: { 'retry-after': '4' } }, /^The model is overloaded; trying again in [45] s \(try 2\)$/],
    ['overload in a stream', { failed: { code: 'server_is_overloaded', message: 'Please try again in 4s.' } }, /^The model is overloaded; trying again in [45] s \(try 2\)$/],
    ['a failing service', { status: 500, headers: { 'retry-after': '4' } }, /^The model’s service fails; trying again in [45] s \(try 2\)$/],
  ])('%s is told before the model is asked again, and passes', async (_, step, message) => {
    const heard: Progress[] = [];
    const output = await outputOf(client, 'chat', { write: true, message: directive({ text: 'at last', ...step, times: 1 }) }, { onprogress: (progress) => void heard.push(progress) });
    expect(output).toMatchObject({ answer: 'at last' });
    const told = (await log(output['turn_id'])).find(({ event }) => event.type === 'status' && message.test(event.message));
    const requests = stack.fake.responsesRequests();
    expect(requests).toHaveLength(2);
    expect(told?.atMs).toBeLessThan(requests[1]?.at ?? 0);
    expect(heard.map((progress) => progress.message)).toContainEqual(expect.stringMatching(message));
  }, TIMEOUT_MS);

  it.each<[string, Step, { code: string; detail: RegExp; calls: number }]>([
    ['a rate limit that outlasts the turn', { status: 429, headers: hour }, { code: 'rate_limited', detail: /Call again in 3\d{3} s, after 20\d\d-.*Z/, calls: 1 }],
    ['overload that outlasts the turn', { status: 503, headers: hour }, { code: 'model_overloaded', detail: /Call again in 3\d{3} s/, calls: 1 }],
    ['an empty account', { status: 429, headers: { 'retry-after': '1' }, error: { type: 'insufficient_quota', code: 'insufficient_quota' } }, { code: 'quota_exceeded', detail: /quota/, calls: 1 }],
    ['a used up plan', { status: 429, headers: { 'retry-after': '1' }, error: { type: 'usage_limit_reached', message: 'used up' } }, { code: 'quota_exceeded', detail: /quota/, calls: 1 }],
    ['refused credentials', { status: 403, error: { message: 'no access' } }, { code: 'model_unauthorized', detail: /codex login|sign in/i, calls: 4 }],
    ['a context that is too long', { failed: { code: 'context_length_exceeded', message: 'too long' } }, { code: 'context_window_exceeded', detail: /another agent_id/, calls: 1 }],
    ['a service that goes on failing', { status: 500, error: { message: 'boom' } }, { code: 'model_failed', detail: /HTTP 500: boom.*Tried 2 times/, calls: 2 }],
    ['a service that goes on hanging up', { disconnectAfter: 0 }, { code: 'model_unreachable', detail: /cannot reach .*Tried 2 times/, calls: 2 }],
  ])('%s: a client sees what it is, what to do and its correlation id', async (_, step, { code, detail, calls }) => {
    const response = await fetch(`${stack.url}/tools/chat`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      // With a conversation that is full, Codex begins its next turn by shortening it.
      body: JSON.stringify({ agent_id: code === 'context_window_exceeded' ? 'full' : AGENT, message: directive(step), timeout_s: 600 }),
    });
    expect(await response.json()).toMatchObject({ code, detail: expect.stringMatching(detail), correlation_id: response.headers.get('x-correlation-id') });
    expect(stack.fake.responsesRequests()).toHaveLength(calls);
  }, TIMEOUT_MS);

  it('a wait ends with the turn that waits', async () => {
    const message = directive({ status: 429, headers: { 'retry-after': '900' } });
    const cancelled = fetch(`${stack.url}/tools/chat`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ agent_id: AGENT, message }) });
    await stack.fake.waitFor(({ status }) => status === 429);
    const turnId = String((await unfinishedTurns(stack.redis(), AGENT))[0]?.request.turnId);
    await eventually(async () => expect((await log(turnId)).some(({ event }) => event.type === 'status' && event.message.includes('rate-limited'))).toBe(true));
    expect(await outputOf(client, 'cancel', { turn_id: turnId })).toMatchObject({ cancelled: true });
    expect(await (await cancelled).json()).toMatchObject({ code: 'turn_cancelled' });
    expect(await chat(client, 'and now?')).toBe('fake: and now?');
  }, TIMEOUT_MS);
});
