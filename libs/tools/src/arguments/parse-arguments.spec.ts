import { AppError } from '@codex-mcp/contracts';
import { describe, expect, it } from '@jest/globals';
import { findTool, MANAGEMENT_TOOLS, TOOLS, TURN_TOOLS } from '../catalogue/catalogue.js';
import { MAX_ARGUMENT_CHARACTERS, parseArguments } from './parse-arguments.js';

const { plan, implement, fix, chat, audit } = TURN_TOOLS;

function failure(tool: string, raw: unknown): { code: string; message: string } {
  const found = findTool(tool);
  if (found === undefined) throw new Error(`no tool ${tool}`);
  try {
    parseArguments(found, raw);
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the arguments were accepted');
}

const files = (value: unknown) => parseArguments(implement, { task: 't', target_files: value }).target_files;

describe('parseArguments', () => {
  it('takes a single string, JSON text of a list, or a list where a list is meant', () => {
    expect(files('src/a.ts')).toEqual(['src/a.ts']);
    expect(files('["a.ts","b.ts"]')).toEqual(['a.ts', 'b.ts']);
    expect(files(['a.ts'])).toEqual(['a.ts']);
    expect(files('[id].tsx')).toEqual(['[id].tsx']);
    expect(files('[1]')).toEqual(['[1]']);
  });

  it('takes background as text, list or object', () => {
    for (const constraints of ['no new dependency', ['a', 'b'], { language: 'TypeScript', versions: { node: 20 } }]) {
      expect(parseArguments(plan, { task: 't', constraints }).constraints).toEqual(constraints);
    }
  });

  it('reads chat messages with roles', () => {
    const args = parseArguments(chat, { message: 'm', previous_messages: [{ role: 'user', content: 'hello' }, 'plain'] });
    expect(args.previous_messages).toEqual(['user: hello', 'plain']);
  });

  it('reads words in any case', () => {
    const args = parseArguments(audit, { code: 'c', severity_threshold: ' HIGH ', effort: 'Low' });
    expect(args).toMatchObject({ severity_threshold: 'high', effort: 'low' });
  });

  it('takes null and blank text as not given', () => {
    expect(parseArguments(plan, { task: 't', constraints: null, model: '', agent_id: ' ', unknown: null })).toEqual({ task: 't' });
    expect(parseArguments(MANAGEMENT_TOOLS.health_check, undefined)).toEqual({});
  });

  it('keeps the message of chat to the letter', () => {
    expect(parseArguments(chat, { message: '  hi\n' }).message).toBe('  hi\n');
  });

  it('takes the tool of start with its prefix, and its arguments as JSON text', () => {
    const { start } = MANAGEMENT_TOOLS;
    expect(parseArguments(start, { tool: 'codex_chat', arguments: '{"message":"hi"}' })).toEqual({ tool: 'chat', arguments: { message: 'hi' } });
  });

  it('changes nothing in its own result', () => {
    const once = parseArguments(implement, { task: 't', target_files: 'a', requirements: { x: [1] }, effort: 'HIGH' });
    expect(parseArguments(implement, once)).toEqual(once);
  });

  it.each([
    ['plan', {}, 'plan: task is missing (expected a string).'],
    ['plan', { task: ' ' }, 'plan: task is missing (expected a string).'],
    ['plan', { task: 4, constraints: 3 }, 'plan: task must be a string, not 4; constraints must be a string or a list or an object, not 3.'],
    ['plan', [], 'plan: the arguments must be a JSON object.'],
    ['plan', 'task', 'plan: the arguments must be a JSON object.'],
    ['plan', { task: 't', files: ['a'] }, 'plan: unknown argument "files"; allowed are task, repo_context, constraints, agent_id, thread_id, model, effort, approval_mode, workspace, workspace_mode, timeout_s, idempotency_key.'],
    ['plan', JSON.parse('{"task":"t","__proto__":{"x":1}}'), 'plan: unknown argument "__proto__"; allowed are task, repo_context, constraints, agent_id, thread_id, model, effort, approval_mode, workspace, workspace_mode, timeout_s, idempotency_key.'],
    ['plan', { task: 't', effort: 'max' }, 'plan: effort must be one of "none", "minimal", "low", "medium", "high", "xhigh", not "max".'],
    ['plan', { task: 't', workspace: 'src' }, 'plan: workspace must be an absolute path of a directory on the server, or "own".'],
    ['implement', { task: 't', target_files: [] }, 'implement: target_files must have at least one entry.'],
    ['implement', { task: 't', target_files: ['a', 2] }, 'implement: target_files[1] must be a string, not 2.'],
    ['fix', {}, 'fix: give at least one of failing_tests, error_output, context_files, symptoms.'],
    ['fix', { failing_tests: [], symptoms: [' '], agent_id: 'a' }, 'fix: give at least one of failing_tests, error_output, context_files, symptoms.'],
    ['open_workspace', { url: 'https://github.com/a/b', workspace: '/src' }, 'open_workspace: give a directory with workspace, or a repository with url.'],
    ['open_workspace', { branch: 'main' }, 'open_workspace: branch, depth and discard are for a repository; name it with url.'],
    ['open_workspace', { url: 'https://github.com/a/b', branch: '--upload-pack=x' }, 'open_workspace: branch must be the name of a branch or tag.'],
    ['get_agent_status', {}, 'get_agent_status: agent_id is missing (expected a string).'],
    ['chat', { message: 'm', idempotency_key: 'k'.repeat(201) }, 'chat: idempotency_key must be at most 200 characters.'],
    ['start', { tool: 'cancel', arguments: {} }, 'start: tool must be one of "plan", "implement", "review", "fix", "chat", "audit", "debug", not "cancel".'],
    ['start', { tool: 'chat', arguments: 'hello' }, 'start: arguments must be an object, not "hello".'],
    ['get_turn', { turn_id: 't', cursor: 'x', wait_s: 51 }, 'get_turn: cursor must be the next_cursor of an earlier get_turn; wait_s must be at most 50.'],
    ['list_turns', { limit: 0 }, 'list_turns: limit must be at least 1, not 0.'],
    ['codex', { prompt: ' ' }, 'codex: prompt is missing (expected a string).'],
    ['codex', { prompt: 'p', cwd: 'src' }, 'codex: cwd must be an absolute path of a directory on the server.'],
    ['codex', { prompt: 'p', profile: 'o3' }, 'codex: profile must be left out: agents have no profiles; name model, and the effort as config.model_reasoning_effort.'],
    ['codex', { prompt: 'p', 'base-instructions': 'x' }, 'codex: base-instructions must be left out: Codex keeps its own; put what it is to know into developer-instructions.'],
    ['codex', { prompt: 'p', config: { sandbox_mode: 'x' } }, "codex: config must hold nothing but model and model_reasoning_effort: the rest of Codex's configuration is this server's."],
    ['codex', { prompt: 'p', sandbox: 'none' }, 'codex: sandbox must be one of "read-only", "workspace-write", "danger-full-access", not "none".'],
    ['codex-reply', { prompt: 'p' }, 'codex-reply: give at least one of threadId, conversationId.'],
    ['codex-reply', { prompt: 'p', threadId: '019b63ce-02a4-7223-8d1d-f5dc6a1b4877' }, 'codex-reply: threadId must be the threadId of an answer of codex.'],
    ['cleanup_inactive_agents', { max_idle_seconds: -1, remove: 'yes' }, 'cleanup_inactive_agents: max_idle_seconds must be at least 0, not -1; remove must be true or false, not "yes".'],
  ])('says what is wrong with the arguments of %s: %j', (tool, raw, message) => {
    expect(failure(tool, raw)).toEqual({ code: 'invalid_arguments', message });
  });

  it.each(['failing_tests', 'error_output', 'context_files', 'symptoms'])('lets fix work from %s alone', (name) => {
    expect(parseArguments(fix, { [name]: 'something' })).toHaveProperty(name);
  });

  it('refuses more text than Codex takes, wherever it is', () => {
    const room = MAX_ARGUMENT_CHARACTERS - 'task'.length;
    expect(parseArguments(plan, { task: 'x'.repeat(room) }).task).toHaveLength(room);
    const half = 'x'.repeat(MAX_ARGUMENT_CHARACTERS / 2);
    for (const raw of [{ task: 'x'.repeat(room + 1) }, { task: half, constraints: { deep: [half] } }]) {
      const { code, message } = failure('plan', raw);
      expect(code).toBe('input_too_large');
      expect(message).toMatch(/^plan: the arguments hold 10000\d+ characters of text; the limit is 1000000\. /);
    }
  });

  it('refuses arguments whose prompt would grow beyond what Codex takes', () => {
    const raw = { task: 't', constraints: Array.from({ length: 300_000 }, () => 'x') };
    expect(failure('plan', raw)).toMatchObject({ code: 'input_too_large', message: expect.stringContaining('the prompt made from the arguments holds') });
  });

  it('refuses nesting that would exhaust the stack', () => {
    const depth = 200_000;
    const nested: unknown = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    expect(failure('plan', { task: 't', constraints: { nested } })).toEqual({ code: 'invalid_arguments', message: 'plan: the arguments are nested deeper than 32 levels.' });
  });

  it('types each argument as the tool declares it', () => {
    const status: string = parseArguments(MANAGEMENT_TOOLS.get_agent_status, { agent_id: 'a' }).agent_id;
    const mine: string | undefined = parseArguments(MANAGEMENT_TOOLS.cancel, { agent_id: 'b', turn_id: 't' }).agent_id;
    const targets: string[] = parseArguments(implement, { task: 't', target_files: 'x' }).target_files;
    expect([status, mine, ...targets]).toEqual(['a', 'b', 'x']);
  });

  it('takes agent_id on every tool', () => {
    for (const tool of TOOLS.values()) expect(tool.inputSchema['properties']).toHaveProperty('agent_id');
  });
});
