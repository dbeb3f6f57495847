import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeWithDocker } from '@codex-mcp/testing';
import { listTools } from '@codex-mcp/tools';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import { call, chat, directive, errorOf, outputOf } from '../stack/calls.js';
import { containersOf, volumesOf } from '../stack/agent-containers.js';
import { type Stack, startStack } from '../stack/stack.fixture.js';
import { EXAMPLES } from './answers.fixture.js';

const NAMES = 'plan implement review fix chat audit debug list_sessions get_my_session_info health_check get_agent_status list_active_agents cleanup_inactive_agents start get_turn list_turns steer cancel'.split(' ');

const validator = new AjvJsonSchemaValidator();

/** The problem that the tool's published output schema has with a value. */
function misfit(tool: string, value: unknown): string | undefined {
  const schema = listTools().find(({ name }) => name === tool)?.outputSchema;
  return schema ? validator.getValidator(schema)(value).errorMessage : `no tool ${tool}`;
}

describeWithDocker('tools', () => {
  let stack: Stack;
  let sse: Client;
  let http: Client;

  beforeAll(async () => {
    stack = await startStack();
    [sse, http] = await Promise.all([stack.sseClient('tools-agent'), stack.httpClient('tools-agent')]);
    await outputOf(http, 'put_files', { files: [{ path: 'README.md', content: 'read me' }] });
  });
  beforeEach(() => stack.fake.reset());
  afterAll(() => stack.stop());

  it('are the same over SSE and Streamable HTTP, and those of the catalogue', async () => {
    const [overSse, overHttp] = await Promise.all([sse.listTools(), http.listTools()]);
    expect(overSse.tools).toEqual(listTools());
    expect(overSse.tools.map(({ name }) => name)).toEqual(expect.arrayContaining(NAMES));
    expect(overHttp).toEqual(overSse);
  });

  it.each(Object.entries(EXAMPLES))('%s gives the model its schema and returns the model’s answer complete', async (tool, { args, answer }) => {
    stack.fake.rule({ steps: [{ json: answer }] });
    const output = await outputOf(http, tool, args);
    expect(output).toMatchObject({ ...answer, agent_id: 'tools-agent', commands: [] });
    expect(misfit(tool, output)).toBeUndefined();
    const [request] = stack.fake.responsesRequests();
    expect(request?.model.outputSchema).toMatchObject({ required: expect.arrayContaining(Object.keys(answer)), additionalProperties: false });
    const given = Object.values(args).flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : value));
    for (const text of given.map(String)) expect(request?.model.userText.toLowerCase()).toContain(text.toLowerCase());
  });

  it('chat answers in plain text, over SSE to the same agent', async () => {
    const result = await call(sse, 'codex_chat', { message: directive({ text: 'Grüße & <b>bold</b> "quotes"' }) });
    expect(result.structuredContent).toMatchObject({ answer: 'Grüße & <b>bold</b> "quotes"', agent_id: 'tools-agent' });
    expect(misfit('chat', result.structuredContent)).toBeUndefined();
    expect(JSON.stringify(result.content)).toContain('Grüße & <b>bold</b>');
    expect(stack.fake.responsesRequests()[0]?.model.outputSchema).toBeUndefined();
  });

  it('tell the commands that Codex ran and the tokens it took', async () => {
    const usage = { inputTokens: 321, cachedTokens: 20, outputTokens: 45, reasoningTokens: 5 };
    const output = await outputOf(http, 'chat', { write: true, message: directive({ shell: 'echo seven; exit 3' }, { text: 'ok', usage }) });
    expect(output['commands']).toMatchObject([{ command: expect.stringContaining('echo seven; exit 3'), exit_code: 3 }]);
    // The request that called the command counts with the fake's usual 100 and 10.
    expect(output['usage']).toEqual({ input_tokens: 421, cached_input_tokens: 20, output_tokens: 55, reasoning_tokens: 5 });
  });

  it('run one turn with another model and effort, whose tokens alone are counted', async () => {
    const agent_id = 'switcher';
    await chat(http, 'as usual', { agent_id });
    const before = stack.fake.responsesRequests().length;
    const output = await outputOf(http, 'chat', { write: true, message: 'otherwise', agent_id, model: 'gpt-5.5', effort: 'high' });
    const requests = stack.fake.responsesRequests().slice(before);
    expect(requests.at(-1)?.body).toMatchObject({ model: 'gpt-5.5', reasoning: { effort: 'high' } });
    expect(output).toMatchObject({ model: 'gpt-5.5', usage: { input_tokens: 100 * requests.length, output_tokens: 10 * requests.length } });
  });

  it('go back to the usual model and its effort with the next turn', async () => {
    const next = await outputOf(http, 'chat', { write: true, message: 'as usual again', agent_id: 'switcher' });
    expect(next).toMatchObject({ model: 'gpt-6.1-sol' });
    expect(stack.fake.responsesRequests().at(-1)?.body).toMatchObject({ model: 'gpt-6.1-sol', reasoning: { effort: 'low' } });
  });

  it('have a wrong answer mended by one more turn', async () => {
    const { args, answer } = EXAMPLES.plan;
    stack.fake.rule({ match: 'plan the release', steps: [{ json: { ...answer, steps: 'none' } }] });
    stack.fake.rule({ match: 'must be a list', steps: [{ json: answer }] });
    expect(await outputOf(http, 'plan', args)).toMatchObject(answer);
    expect(stack.fake.responsesRequests()).toHaveLength(2);
  });

  it('count what a repair does as part of the call', async () => {
    const { args, answer } = EXAMPLES.implement;
    stack.fake.rule({ match: 'Reply again with the same content', steps: [{ shell: 'echo late > late.txt' }, { json: answer }] });
    stack.fake.rule({ steps: [{ text: 'prose' }] });
    const output = await outputOf(http, 'implement', args);
    expect(output).toMatchObject({ changes: { files: [{ path: 'late.txt', status: 'added' }] }, usage: { input_tokens: 300, output_tokens: 30 } });
    expect(output['commands']).toHaveLength(1);
  });

  it('report an answer that stays wrong, with its text', async () => {
    stack.fake.rule({ steps: [{ text: 'I would rather write prose.' }] });
    const error = await errorOf(http, 'plan', EXAMPLES.plan.args);
    expect(error).toMatchObject({ code: 'answer_invalid', retryable: false, detail: 'I would rather write prose.' });
    expect(stack.fake.responsesRequests()).toHaveLength(2);
    stack.fake.reset();
    expect(await chat(http, 'still there?')).toContain('still there?');
  });

  it('list sessions and active agents with what each is', async () => {
    const [container] = await containersOf(stack.deployment, 'tools-agent');
    const session = { agent_id: 'tools-agent', status: 'running', runtime: 'docker', workspace: 'volume', container_id: container?.Id, queued_turns: 0, thread_id: expect.any(String) };
    for (const [tool, list] of [['list_sessions', 'sessions'], ['list_active_agents', 'agents']] as const) {
      const output = await outputOf(sse, tool);
      expect(output[list]).toMatchObject([{ agent_id: 'switcher' }, session]);
      expect(await outputOf(sse, tool, { agent_id: 'tools-agent' })).toMatchObject({ [list]: [session] });
      expect(misfit(tool, output)).toBeUndefined();
    }
    const mine = await outputOf(sse, 'get_my_session_info');
    expect(mine).toMatchObject({ exists: true, ...session });
    expect(misfit('get_my_session_info', mine)).toBeUndefined();
    expect(await outputOf(sse, 'get_my_session_info', { agent_id: 'nobody' })).toEqual({ exists: false, agent_id: 'nobody' });
  });

  it('health_check says that all is well', async () => {
    const output = await outputOf(http, 'health_check');
    expect(output).toMatchObject({ status: 'ok', problems: [], runtime: 'docker', sign_in: { method: 'api_key' }, workers: 1, supervisors: 1, running_turns: 0 });
    expect(misfit('health_check', output)).toBeUndefined();
  });

  it('get_agent_status measures what the agent uses', async () => {
    const output = await outputOf(http, 'get_agent_status', { agent_id: 'tools-agent' });
    expect(misfit('get_agent_status', output)).toBeUndefined();
    expect(output).toMatchObject({ agent_id: 'tools-agent', status: 'running', memory_limit_bytes: 2048 * 1024 * 1024 });
    expect(output['memory_bytes']).toBeGreaterThan(1024 * 1024);
    expect(output['processes']).toBeGreaterThan(1);
    expect(output['cpu_percent']).toBeGreaterThanOrEqual(0);
    expect(await errorOf(http, 'get_agent_status', { agent_id: 'nobody' })).toMatchObject({ code: 'unknown_agent' });
  });

  it('cancel says when there is nothing to cancel', async () => {
    expect(await outputOf(http, 'cancel')).toMatchObject({ cancelled: false });
    expect(await errorOf(http, 'cancel', { turn_id: `turn_${'0'.repeat(32)}` })).toMatchObject({ code: 'unknown_turn' });
  });

  it('cleanup_inactive_agents stops an idle agent, which wakes with its memory, and removes it for good when asked to', async () => {
    await chat(http, 'remember the word heliotrope');
    expect(await outputOf(http, 'cleanup_inactive_agents')).toEqual({ stopped: [], removed: [], kept: 2 });
    const stopped = { stopped: ['tools-agent'], removed: [], kept: 0 };
    expect(await outputOf(http, 'cleanup_inactive_agents', { agent_id: 'tools-agent', max_idle_seconds: 0 })).toEqual(stopped);
    expect(await containersOf(stack.deployment, 'tools-agent')).toMatchObject([{ State: 'exited' }]);
    expect(await outputOf(http, 'list_active_agents')).toMatchObject({ agents: [{ agent_id: 'switcher' }] });
    await chat(http, 'which word?');
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).toContain('heliotrope');
    const removed = { stopped: [], removed: ['switcher', 'tools-agent'], kept: 0 };
    expect(await outputOf(http, 'cleanup_inactive_agents', { max_idle_seconds: 0, remove: true })).toEqual(removed);
    expect(await containersOf(stack.deployment)).toEqual([]);
    expect(await volumesOf(stack.deployment)).toEqual([]);
    await chat(http, 'anybody?');
    expect(JSON.stringify(stack.fake.responsesRequests().at(-1)?.body)).not.toContain('heliotrope');
  });
});
