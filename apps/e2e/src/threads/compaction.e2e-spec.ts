import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containerOf } from '../stack/agent-containers.js';
import { chat, directive, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { holderOf, turnOf } from '../stack/turns.js';
import { historySent } from './model-history.js';

/** What Codex asks the model for when it compacts. */
const COMPACTION = 'CONTEXT CHECKPOINT COMPACTION';
/** Beyond what any model's context holds. */
const FULL = directive({ text: 'noted', usage: { inputTokens: 900_000 } });

describeWithDocker('a conversation that is full', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ workers: 2, env: { SHUTDOWN_TIMEOUT: '1' } });
    client = await stack.httpClient('talker');
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  const sent = (last: string) => historySent(stack.fake, last);
  const compacts = (summary: string, firstDelayMs = 0) => stack.fake.rule({ match: COMPACTION, steps: [{ text: summary, firstDelayMs }] });
  const eventsOf = async (turnId: unknown) => (await outputOf(client, 'get_turn', { turn_id: turnId }))['events'] as { type: string }[];

  it('is compacted by Codex before the next turn, which says so and goes on', async () => {
    compacts('THE COLOUR IS RED', 3000);
    await chat(client, 'my colour is red');
    await chat(client, FULL);
    const heard: (string | undefined)[] = [];
    const output = await outputOf(client, 'chat', { write: true, message: 'go on' }, { onprogress: ({ message }) => void heard.push(message) });
    expect(output).toMatchObject({ answer: 'fake: go on', usage: { input_tokens: 200, output_tokens: 20 } });
    expect(heard).toContain('compacting the conversation');
    expect((await eventsOf(output['turn_id'])).filter(({ type }) => type === 'compaction')).toEqual([expect.objectContaining({ text: 'the conversation was compacted' })]);
    await chat(client, 'further');
    expect(sent('further').slice(-4)).toEqual([expect.stringContaining('THE COLOUR IS RED'), 'go on', 'fake: go on', 'further']);
    expect(sent('further')).not.toContain('noted');
  });

  it('counts the tokens of a turn alone, also where its agent has just woken', async () => {
    compacts('SHORT');
    await chat(client, FULL);
    await (await containerOf(stack.deployment, 'talker')).stop();
    expect(await outputOf(client, 'chat', { write: true, message: 'awake' })).toMatchObject({ usage: { input_tokens: 200, output_tokens: 20 } });
    expect(sent('awake').slice(-2)).toEqual([expect.stringContaining('SHORT'), 'awake']);
  });

  it('is whole in a fork from before', async () => {
    compacts('SHORT');
    await outputOf(client, 'new_thread');
    const { turn_id: early, thread_id: parent } = await outputOf(client, 'chat', { write: true, message: 'early' });
    await chat(client, FULL);
    await chat(client, 'compacted');
    await outputOf(client, 'fork', { turn_id: early });
    await chat(client, 'in fork');
    expect(sent('in fork')).toEqual(['early', 'fake: early', 'in fork']);
    await outputOf(client, 'fork', { thread_id: parent });
    await chat(client, 'in late fork');
    expect(sent('in late fork').slice(-4)).toEqual([expect.stringContaining('SHORT'), 'compacted', 'fake: compacted', 'in late fork']);
  });

  it('is sent the message once when the worker changes while Codex compacts', async () => {
    compacts('HANDED OVER', 8000);
    await outputOf(client, 'new_thread');
    await chat(client, FULL);
    const answer = outputOf(client, 'chat', { write: true, message: 'carry on' }, { timeout: 120_000, onprogress: () => undefined });
    await stack.fake.waitFor(({ model }) => model?.userText.includes(COMPACTION) === true, 30_000);
    process.kill(await holderOf(stack.redis(), 'talker'), 'SIGTERM');
    const output = await answer;
    expect(output).toMatchObject({ answer: 'fake: carry on' });
    expect(await turnOf(stack.redis(), String(output['turn_id']))).toMatchObject({ attempts: 2, begun: true });
    expect(sent('carry on').filter((text) => text === 'carry on')).toHaveLength(1);
    expect(stack.fake.responsesRequests().filter(({ model }) => model.userText === 'carry on')).toHaveLength(1);
    expect((await eventsOf(output['turn_id'])).map(({ type }) => type)).toContain('compaction');
  }, 120_000);
});
