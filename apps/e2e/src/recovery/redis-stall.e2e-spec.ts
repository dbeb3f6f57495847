import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { TurnLogReader } from '@codex-mcp/messaging';
import { chat, directive, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

/** Longer than a worker's hold on its job. */
const STALL_MS = 12_000;

describeWithDocker('a Redis that stalls for longer than a worker’s hold on its turns', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ ownRedis: true });
  });
  afterAll(() => stack.stop());

  it('costs no turn: the worker takes it up again where it stands, and its caller gets the answer once', async () => {
    const client = await stack.httpClient('sleeper');
    await chat(client, 'warm up');
    stack.fake.reset();
    const message = directive({ shell: 'sleep 3; echo first' }, { shell: 'sleep 14; echo second' }, { text: 'all done' });
    const answer = outputOf(client, 'chat', { write: true, message }, { timeout: 100_000 });
    await stack.fake.waitFor(({ model }) => model?.toolRounds === 1, 30_000);
    await stack.redisFixture.kill('SIGSTOP');
    await delay(STALL_MS); // the stall itself is what is tested
    await stack.redisFixture.kill('SIGCONT');
    const output = await answer;
    expect(output).toMatchObject({ answer: 'all done' });
    expect(stack.fake.responsesRequests()).toHaveLength(3);

    const redis = stack.redis();
    const events = (await new TurnLogReader(redis.duplicate({ lazyConnect: true }), redis).read(String(output['turn_id']))).map(({ seq, event }) => ({ seq, type: event.type }));
    expect(events.filter(({ type }) => type === 'started').length).toBeGreaterThan(1); // it was taken up again
    expect(events.at(-1)?.type).toBe('completed');
    expect(events.filter(({ type }) => type === 'completed')).toHaveLength(1);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(await chat(client, 'and now?')).toBe('fake: and now?');
  }, 120_000);
});
