import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { listTools, TURN_TOOLS } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { containersOf, volumesOf } from '../stack/agent-containers.js';
import { errorOf, outputOf } from '../stack/calls.js';
import { post, problemOf } from '../stack/rest.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { EXAMPLES } from '../tools/answers.fixture.js';

describeWithDocker('without a sign-in', () => {
  let stack: Stack;
  let client: Client;

  beforeAll(async () => {
    stack = await startStack({ env: { OPENAI_API_KEY: undefined } });
    client = await stack.httpClient();
  });
  afterAll(() => stack.stop());

  it('the server serves and says what to do', async () => {
    expect((await client.listTools()).tools).toEqual(listTools());
    expect(await outputOf(client, 'health_check')).toMatchObject({ status: 'degraded', sign_in: { method: 'none' }, problems: [expect.stringMatching(/codex login.*OPENAI_API_KEY/)] });
    const health = await fetch(`${stack.url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({ status: 'degraded', checks: { sign_in: 'none' } });
    expect(stack.output).toMatch(/sign-in +not signed in/);
  });

  it.each(Object.keys(TURN_TOOLS))('%s answers with advice', async (tool) => {
    const args = tool === 'chat' ? { message: 'hi' } : EXAMPLES[tool as keyof typeof EXAMPLES].args;
    expect(await errorOf(client, tool, args)).toMatchObject({ code: 'not_signed_in', retryable: false, message: expect.stringMatching(/codex login.*OPENAI_API_KEY/) });
    expect(problemOf(await post(stack.url, tool, JSON.stringify(args)))).toMatchObject({ code: 'not_signed_in', status: 503 });
  });

  it('no agent is started and nothing is queued', async () => {
    expect(await containersOf(stack.deployment)).toEqual([]);
    expect(await volumesOf(stack.deployment)).toEqual([]);
    expect(await outputOf(client, 'health_check')).toMatchObject({ running_turns: 0, queued_turns: 0, active_sessions: 0 });
    expect(stack.fake.requests).toEqual([]);
  });
});
