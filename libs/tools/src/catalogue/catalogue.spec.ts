import { describe, expect, it } from '@jest/globals';
import type { JsonSchema } from '../json-schema.js';
import { DROP_IN_TOOLS, findTool, listTools, MANAGEMENT_TOOLS, TOOLS, TURN_TOOLS, WORKSPACE_TOOLS } from './catalogue.js';

const COMMON = ['agent_id', 'thread_id', 'model', 'effort', 'approval_mode', 'workspace', 'workspace_mode', 'timeout_s', 'idempotency_key'];
const COMMON_OF_WORKSPACE_TOOLS = ['agent_id', 'timeout_s', 'idempotency_key'];

/** The contract with clients: a trailing "?" marks an optional argument. */
const SIGNATURES: Record<string, string[]> = {
  plan: ['task', 'repo_context?', 'constraints?'],
  implement: ['task', 'target_files', 'context_files?', 'requirements?', 'test_command?', 'run_tests?'],
  review: ['content', 'rubric?', 'focus_areas?'],
  fix: ['failing_tests?', 'error_output?', 'context_files?', 'symptoms?', 'test_command?', 'run_tests?'],
  chat: ['message', 'context?', 'previous_messages?', 'reference_files?', 'write?'],
  audit: ['code', 'file_paths?', 'focus_areas?', 'severity_threshold?', 'compliance_standards?'],
  debug: ['error_message', 'code_context?', 'stack_trace?', 'environment_info?', 'reproduction_steps?'],
  open_workspace: ['workspace?', 'workspace_mode?', 'url?', 'branch?', 'depth?', 'discard?'],
  apply: ['paths?', 'dry_run?'],
  get_diff: ['turn_id?', 'thread_id?', 'since?', 'paths?', 'max_bytes?'],
  discard: ['turn_id?', 'paths?'],
  checkpoint: ['name'],
  restore: ['name', 'paths?'],
  read_file: ['path', 'offset?', 'limit?', 'max_bytes?'],
  list_files: ['paths?', 'include_ignored?', 'limit?'],
  search: ['query', 'literal?', 'ignore_case?', 'paths?', 'context_lines?', 'max_results?', 'include_ignored?'],
  put_files: ['files?', 'tar?'],
  commit: ['message', 'author_name?', 'author_email?', 'paths?'],
  export_patch: ['message', 'author_name?', 'author_email?', 'turn_id?', 'thread_id?', 'since?', 'paths?'],
  create_pull_request: ['title', 'body?', 'branch?', 'base?', 'draft?', 'url?', 'paths?', 'author_name?', 'author_email?'],
  list_sessions: ['agent_id?'],
  get_my_session_info: ['agent_id?'],
  health_check: ['agent_id?'],
  get_agent_status: ['agent_id'],
  list_active_agents: ['agent_id?'],
  cleanup_inactive_agents: ['agent_id?', 'max_idle_seconds?', 'remove?'],
  get_usage: ['agent_id?', 'days?', 'by?'],
  start: ['agent_id?', 'tool', 'arguments'],
  implement_n: ['agent_id?', 'n', 'wait_s?', 'task', 'target_files', 'context_files?', 'requirements?', 'test_command?', 'run_tests?', ...COMMON.filter((name) => name !== 'agent_id').map((name) => `${name}?`)],
  compare: ['agent_id?', 'turn_ids', 'wait_s?'],
  get_turn: ['agent_id?', 'turn_id', 'cursor?', 'wait_s?'],
  list_turns: ['agent_id?', 'limit?'],
  steer: ['agent_id?', 'message', 'turn_id?'],
  cancel: ['agent_id?', 'turn_id?'],
  list_approvals: ['agent_id?', 'turn_id?'],
  answer_approval: ['agent_id?', 'approval_id', 'decision', 'message?'],
  new_thread: ['agent_id?', 'title?'],
  fork: ['agent_id?', 'thread_id?', 'turn_id?', 'title?'],
  list_threads: ['agent_id?', 'limit?'],
  codex: ['prompt', 'model?', 'cwd?', 'sandbox?', 'approval-policy?', 'config?', 'profile?', 'base-instructions?', 'developer-instructions?', 'compact-prompt?'],
  'codex-reply': ['threadId?', 'conversationId?', 'prompt'],
};

const commonOf = (name: string): string[] => (name in TURN_TOOLS ? COMMON : name in WORKSPACE_TOOLS || name in DROP_IN_TOOLS ? COMMON_OF_WORKSPACE_TOOLS : []);

/** Tools that change something and take nothing away. */
const ADDING = ['checkpoint', 'commit', 'create_pull_request', 'new_thread', 'fork'];

function signature(schema: JsonSchema): string[] {
  const required = (schema['required'] ?? []) as string[];
  return Object.keys(schema['properties'] as object).map((name) => (required.includes(name) ? name : `${name}?`));
}

/** What a result always has, the handle of an unfinished turn aside. */
function requiredOf({ anyOf, required }: JsonSchema): string[] {
  return (Array.isArray(anyOf) ? (anyOf[0] as JsonSchema)['required'] : required) as string[];
}

/** Every object inside a JSON document, itself included. */
function* objects(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const child of Object.values(value)) yield* objects(child);
}

describe('the catalogue', () => {
  it('has exactly the tools of the contract, with their arguments', () => {
    const listed = Object.fromEntries(listTools().map((tool) => [tool.name, signature(tool.inputSchema)]));
    const expected = Object.entries(SIGNATURES).map(([name, own]) => [name, [...own, ...commonOf(name).map((common) => `${common}?`)]]);
    expect(listed).toEqual(Object.fromEntries(expected));
  });

  it.each(Object.keys(SIGNATURES))('keeps what clients see of %s', (name) => {
    expect(listTools().find((tool) => tool.name === name)).toMatchSnapshot();
  });

  it.each(Object.entries({ ...TURN_TOOLS, ...WORKSPACE_TOOLS, ...MANAGEMENT_TOOLS, ...DROP_IN_TOOLS }))('files %s under its own name', (key, tool) => {
    expect(tool.name).toBe(key);
    expect(TOOLS.get(key)).toBe(tool);
  });

  it('finds a tool with and without the codex_ prefix, and nothing else', () => {
    expect(findTool('plan')).toBe(TURN_TOOLS.plan);
    expect(findTool('codex_plan')).toBe(TURN_TOOLS.plan);
    expect(findTool('codex_codex_plan')).toBeUndefined();
    expect(findTool('constructor')).toBeUndefined();
  });

  it('lists the same frozen array each time', () => {
    expect(listTools()).toBe(listTools());
    for (const part of objects(listTools())) expect(Object.isFrozen(part)).toBe(true);
  });

  it('shows schemas in keywords that every client knows', () => {
    for (const { name, inputSchema, outputSchema } of listTools()) {
      expect({ name, closed: inputSchema['additionalProperties'] }).toEqual({ name, closed: false });
      for (const key of ['anyOf', 'oneOf', 'allOf']) expect(inputSchema).not.toHaveProperty(key);
      for (const part of [...objects(inputSchema), ...objects(outputSchema)]) {
        expect(Array.isArray(part['type'])).toBe(false);
        for (const key of ['$schema', '$ref', '$defs', 'default', 'format', 'pattern', 'propertyNames']) expect(part).not.toHaveProperty(key);
      }
    }
  });

  it('lets results have more in a later version, for clients that keep its schemas', () => {
    for (const { outputSchema } of listTools()) for (const part of objects(outputSchema)) expect(part['additionalProperties']).not.toBe(false);
  });

  it('takes little of a client’s context for each tool', () => {
    expect(JSON.stringify(listTools()).length).toBeLessThan(3700 * listTools().length);
  });

  it('says of a tool that it is read-only exactly where it cannot change anything', () => {
    const readOnly = listTools().filter((tool) => tool.annotations.readOnlyHint).map((tool) => tool.name);
    expect(readOnly.toSorted()).toEqual(
      ['audit', 'compare', 'debug', 'export_patch', 'get_agent_status', 'get_diff', 'get_my_session_info', 'get_turn', 'get_usage', 'health_check', 'list_active_agents', 'list_approvals', 'list_files', 'list_sessions', 'list_threads', 'list_turns', 'plan', 'read_file', 'review', 'search'],
    );
    for (const { name, annotations } of listTools()) expect({ name, destructive: annotations.destructiveHint }).toEqual({ name, destructive: !annotations.readOnlyHint && !ADDING.includes(name) });
  });

  it('lets whoever may only look call what changes nothing and runs no Codex, and leaves other agents to administrators', () => {
    const namesOf = (scope: string) => [...TOOLS.values()].filter((tool) => tool.scope === scope).map(({ name }) => name).toSorted();
    expect(namesOf('read')).toEqual(
      ['compare', 'export_patch', 'get_agent_status', 'get_diff', 'get_my_session_info', 'get_turn', 'get_usage', 'health_check', 'list_active_agents', 'list_approvals', 'list_files', 'list_sessions', 'list_threads', 'list_turns', 'read_file', 'search'],
    );
    expect(namesOf('admin')).toEqual(['cleanup_inactive_agents']);
    expect(namesOf('run').length).toBe(TOOLS.size - 17);
  });

  it('requires changes of the tools that are there to make them', () => {
    const requiring = listTools().filter((tool) => requiredOf(tool.outputSchema).includes('changes'));
    expect(requiring.map((tool) => tool.name)).toEqual(['implement', 'fix']);
    for (const tool of Object.values(TURN_TOOLS)) expect(Object.keys(tool.outputSchema['properties'] as object)).toContain('changes');
  });
});
