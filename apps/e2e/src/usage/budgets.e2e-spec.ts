import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { call, chat, directive, errorOf, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

/** What the fake model says that a request takes: 100 tokens of input and 10 of output. */
const PER_REQUEST = 110;

describe('a budget of tokens', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process', env: { BUDGET_AGENT_TOKENS: String(2 * PER_REQUEST) } });
    client = await stack.httpClient('spender');
  });
  afterAll(() => stack.stop());

  it('ends the turn in which it is spent, and refuses the next; other agents go on, and get_usage tells it all', async () => {
    const ended = await call(client, 'chat', { write: true, message: directive({ shell: 'echo 1' }, { shell: 'echo 2' }, { text: 'never said' }) });
    const expected = { code: 'budget_exceeded', retryable: false, message: expect.stringMatching(/"spender" is spent: 220 tokens of 220 tokens \(BUDGET_AGENT_TOKENS\)\. It begins anew at .*T00:00:00Z/) };
    expect(ended).toMatchObject({ isError: true, _meta: { 'codex-mcp/error': expected, 'codex-mcp/turnId': expect.stringMatching(/^turn_/) } });
    expect(stack.fake.responsesRequests()).toHaveLength(2); // Codex does not try again
    expect(await errorOf(client, 'chat', { write: true, message: 'more' })).toMatchObject(expected);
    expect((await outputOf(client, 'list_turns'))['turns']).toHaveLength(1);
    expect(await chat(client, directive({ text: 'frugal' }), { agent_id: 'saver' })).toBe('frugal');
    await eventually(async () =>
      expect(await outputOf(client, 'get_usage', { by: 'agent', days: 2 })).toMatchObject({
        total: { requests: 3, input_tokens: 300, output_tokens: 30 },
        rows: [{ name: 'spender', requests: 2 }, { name: 'saver', requests: 1 }],
        budgets: [{ scope: 'agent', unit: 'tokens', limit: 220, spent: 220 }],
      }),
    );
  });
});
