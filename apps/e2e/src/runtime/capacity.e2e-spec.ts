import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { ErrorBody } from '@codex-mcp/contracts';
import { eventually } from '@codex-mcp/testing';
import { call, chat, directive, outputOf } from '../stack/calls.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ runtime: 'process', env: { MAX_CONCURRENT_SESSIONS: '2' } });
});
beforeEach(() => stack.fake.reset());
afterAll(() => stack.stop());

const runningAgents = async () => {
  const { agents } = (await outputOf(await stack.httpClient('counter'), 'list_active_agents')) as { agents: { agent_id: string }[] };
  return agents.map(({ agent_id }) => agent_id).toSorted();
};

it('lets no more agents run than allowed, however many are called at once', async () => {
  const client = await stack.httpClient('crowd');
  const message = directive({ text: 'done', firstDelayMs: 1500 });
  const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((agentId) => call(client, 'chat', { write: true, message, agent_id: agentId })));
  const codes = results.map(({ isError, _meta }) => (isError ? ErrorBody.parse(_meta?.['codex-mcp/error']).code : 'ok'));
  expect(codes.toSorted()).toEqual(['at_capacity', 'at_capacity', 'at_capacity', 'ok', 'ok']);
  expect(await runningAgents()).toHaveLength(2);
});

it('sends the agent to sleep that has been idle longest when another needs its place, and wakes it again', async () => {
  const client = await stack.httpClient('queue');
  await chat(client, 'first', { agent_id: 'old' });
  await chat(client, 'second', { agent_id: 'young' });
  await chat(client, 'third', { agent_id: 'newcomer' });
  await eventually(async () => expect(await runningAgents()).toEqual(['newcomer', 'young']));
  await chat(client, 'again', { agent_id: 'old' });
  expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain('first');
});
