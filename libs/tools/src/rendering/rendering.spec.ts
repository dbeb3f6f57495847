import { describe, expect, it } from '@jest/globals';
import { MANAGEMENT_TOOLS, TURN_TOOLS } from '../catalogue/catalogue.js';
import { code, fenced } from './markdown.js';

const facts = {
  turn_id: 'turn_1',
  agent_id: 'anna',
  thread_id: 'thread_1',
  model: 'gpt-5.5',
  usage: { input_tokens: 1200, cached_input_tokens: 0, output_tokens: 34, reasoning_tokens: 5 },
  duration_ms: 1250,
  commands: [{ command: 'npm test', exit_code: 1 }],
};
const changed = {
  diff: '--- a/x.md\n+++ b/x.md\n@@ -1 +1 @@\n-a\n+```\n',
  files: [
    { path: 'x.md', status: 'modified' as const, additions: 1, deletions: 1 },
    { path: 'new.png', status: 'renamed' as const, previous_path: 'old.png', binary: true },
  ],
  truncated: false,
};
const tests = [
  { command: 'npm test | tail', run_by: 'codex' as const },
  { command: 'npm run check', run_by: 'server' as const, runner: 'jest', exit_code: 1, duration_ms: 900, passed: 3, failed: 1, output: 'FAIL a.spec.ts\nTests: 1 failed, 3 passed\n' },
];
const sums = { requests: 3, input_tokens: 1200, cached_input_tokens: 1000, output_tokens: 34, reasoning_tokens: 5, cost_usd: 0.01234 };
const compared = [
  { turn_id: 'turn_1', agent_id: 'fan-1', tool: 'implement', status: 'completed' as const, summary: 'Done.', changes: changed, commands: [], tests, duration_ms: 61_000, cost_usd: 0.01234 },
  { turn_id: 'turn_2', agent_id: 'fan-2', tool: 'implement', status: 'failed' as const, error_code: 'quota_exceeded' },
];
const agent = {
  agent_id: 'anna',
  status: 'running' as const,
  runtime: 'docker' as const,
  container_id: 'c0ffee',
  workspace: '/home/anna/project',
  workspace_mode: 'isolated' as const,
  thread_id: 'thread',
  created_at: '2026-01-01T00:00:00.000Z',
  last_active_at: '2026-01-01T00:00:01.000Z',
  queued_turns: 2,
  running_turn: { turn_id: 'turn_1', tool: 'plan', started_at: '2026-01-01T00:00:02.000Z' },
};
const turn = { turn_id: 'turn_1', agent_id: 'anna', thread_id: 'thread_1', tool: 'chat', accepted_at: '2026-01-01T00:00:00.000Z' };
const later = '2026-01-01T00:00:01.000Z';

const rendered: Record<string, string> = {
  plan: TURN_TOOLS.plan.render({
    ...facts,
    summary: 'Add a cache.',
    steps: [{ title: 'Port', description: 'Define it.\nTest it.', target_files: ['src/cache.ts'], rationale: 'first' }, { title: 'Adapter', description: 'Write it.', target_files: [] }],
    architectural_decisions: [{ decision: 'Redis', rationale: 'shared', alternatives: ['memory', 'disk'] }],
    risks: [{ risk: 'stale values', severity: 'low', mitigation: 'a short lifetime' }],
    open_questions: ['How long?'],
  }),
  implement: TURN_TOOLS.implement.render({ ...facts, summary: 'Done.', explanation: 'Because.', integration_notes: ['Set CACHE_URL'], changes: changed, tests, cost_usd: 1.5 }),
  fix: TURN_TOOLS.fix.render({
    ...facts,
    summary: 'Fixed.',
    root_cause: 'src/a.ts:3 is off by one',
    explanation: 'It now starts at 0.',
    integration_notes: [],
    prevention: ['a test of the first entry'],
    changes: { diff: '', files: [], truncated: false },
  }),
  review: TURN_TOOLS.review.render({
    ...facts,
    summary: 'Close.',
    verdict: 'request_changes',
    findings: [
      { severity: 'low', title: 'Name', explanation: 'Unclear.', recommendation: 'Rename.' },
      { severity: 'critical', file: 'src/a.ts', line: 3, end_line: 9, location: 'verified', category: 'correctness', title: 'Loses data', explanation: 'On retry.', recommendation: 'Check first.' },
      { severity: 'medium', file: 'src/b.ts', location: 'outside_change', title: 'Old', explanation: 'Was there.', recommendation: 'Later.' },
      { severity: 'medium', file: 'src/c.ts', line: 1, location: 'not_found', title: 'Made up', explanation: 'Is not there.', recommendation: 'Doubt it.' },
    ],
    reviewed: { compared: 'Commit 1a2b3c4', files: [{ path: 'src/a.ts', status: 'modified' }] },
  }),
  audit: TURN_TOOLS.audit.render({
    ...facts,
    summary: 'One hole.',
    findings: [{ severity: 'high', file: 'src/a.ts', line: 3, title: 'Injection', explanation: 'Text reaches SQL.', cwe: 'CWE-89', evidence: '`db.query(x)`', recommendation: 'Bind it.' }],
  }),
  debug: TURN_TOOLS.debug.render({
    ...facts,
    summary: 'A race.',
    hypotheses: [{ cause: 'Closed too early', likelihood: 'high', evidence: 'src/a.ts:3' }],
    approaches: [{ title: 'Await it', steps: ['find the call', 'await it'], trade_offs: 'slower' }],
    next_checks: ['log the close'],
  }),
  compare: MANAGEMENT_TOOLS.compare.render({ finished: true, turns: compared }),
  implement_n: MANAGEMENT_TOOLS.implement_n.render({ turns: [{ agent_id: 'fan-1', turn_id: 'turn_1' }, { agent_id: 'fan-2', turn_id: 'turn_2' }], results: compared, next: 'Call apply.' }),
  chat: TURN_TOOLS.chat.render({ ...facts, answer: 'Hello.' }),
  list_sessions: MANAGEMENT_TOOLS.list_sessions.render({ sessions: [agent] }),
  no_sessions: MANAGEMENT_TOOLS.list_sessions.render({ sessions: [] }),
  list_active_agents: MANAGEMENT_TOOLS.list_active_agents.render({ agents: [agent] }),
  get_my_session_info: MANAGEMENT_TOOLS.get_my_session_info.render({ ...agent, exists: true }),
  no_session: MANAGEMENT_TOOLS.get_my_session_info.render({ exists: false, agent_id: 'anna' }),
  get_agent_status: MANAGEMENT_TOOLS.get_agent_status.render({ ...agent, cpu_percent: 12.34, memory_bytes: 104857600, memory_limit_bytes: 2147483648, processes: 7 }),
  get_usage: MANAGEMENT_TOOLS.get_usage.render({ since: '2026-11-16', until: '2026-11-22', total: { ...sums, estimated_requests: 1, unpriced_requests: 2 }, rows: [{ name: '2026-11-22', ...sums }], budgets: [{ scope: 'tenant', unit: 'usd', limit: 5, spent: 1.25 }], budgets_reset_at: '2026-11-23T00:00:00Z' }),
  no_usage: MANAGEMENT_TOOLS.get_usage.render({ since: '2026-11-16', until: '2026-11-22', total: { ...sums, requests: 0 }, rows: [] }),
  health_check: MANAGEMENT_TOOLS.health_check.render({
    status: 'degraded',
    problems: ['No worker answers: start one.'],
    version: '0.1.0',
    uptime_seconds: 61.4,
    runtime: 'docker',
    sign_in: { method: 'chatgpt', source: '~/.codex' },
    active_sessions: 1,
    running_turns: 1,
    queued_turns: 2,
    workers: 0,
    supervisors: 1,
  }),
  cleanup_inactive_agents: MANAGEMENT_TOOLS.cleanup_inactive_agents.render({ stopped: ['a', 'b'], removed: [], kept: 1 }),
  start: MANAGEMENT_TOOLS.start.render({ turn_id: 'turn_1', agent_id: 'anna', thread_id: 'thread_1', tool: 'chat', status: 'queued', position: 1, next: 'Call get_turn.' }),
  get_turn: MANAGEMENT_TOOLS.get_turn.render({
    ...turn,
    status: 'running',
    events: [
      { seq: 3, at: later, type: 'command', text: 'npm test', status: 'completed', exit_code: 1, output: '1 failed' },
      { seq: 5, at: later, type: 'message', text: 'One test', partial: true },
    ],
    next_cursor: '5-0',
    more: false,
  }),
  get_turn_completed: MANAGEMENT_TOOLS.get_turn.render({ ...turn, status: 'completed', finished_at: later, events: [], next_cursor: '9-0', more: false, result: { ...facts, answer: 'Hello.' } }),
  get_turn_failed: MANAGEMENT_TOOLS.get_turn.render({ ...turn, status: 'failed', finished_at: later, events: [], next_cursor: '9-0', more: false, error: { code: 'quota_exceeded', message: 'Wait.', retryable: false } }),
  list_turns: MANAGEMENT_TOOLS.list_turns.render({ agent_id: 'anna', turns: [{ ...turn, status: 'failed', finished_at: later, error_code: 'quota_exceeded' }] }),
  steer: MANAGEMENT_TOOLS.steer.render({ turn_id: 'turn_1', steered: true }),
  cancel: MANAGEMENT_TOOLS.cancel.render({ turn_id: 'turn_1', cancelled: true }),
  new_thread: MANAGEMENT_TOOLS.new_thread.render({ agent_id: 'anna', thread_id: 'thread_2', title: 'Caching' }),
  fork: MANAGEMENT_TOOLS.fork.render({ agent_id: 'anna', thread_id: 'thread_3', forked_from: { thread_id: 'thread_1', turn_id: 'turn_1' } }),
  list_threads: MANAGEMENT_TOOLS.list_threads.render({
    agent_id: 'anna',
    threads: [
      { thread_id: 'thread_3', current: true, turns: 0, created_at: later, forked_from: { thread_id: 'thread_1', turn_id: 'turn_1' } },
      { thread_id: 'thread_1', title: 'Add a cache', current: false, turns: 1, created_at: later, last_turn_at: later },
    ],
  }),
  no_threads: MANAGEMENT_TOOLS.list_threads.render({ agent_id: 'anna', threads: [] }),
  not_cancelled: MANAGEMENT_TOOLS.cancel.render({ cancelled: false, reason: 'The agent runs no turn.' }),
};

describe('rendered outputs', () => {
  it.each(Object.entries(rendered))('of %s read well', (_, text) => {
    expect(text).toMatchSnapshot();
  });

  it('put the most severe finding first, with its place', () => {
    const text = rendered['review'] ?? '';
    expect(text).toContain('- **critical** · `src/a.ts:3-9` · Loses data (correctness)');
    expect(text.indexOf('**critical**')).toBeLessThan(text.indexOf('**low**'));
  });

  it('cap a long diff and say so', () => {
    const diff = Array.from({ length: 1000 }, (_, at) => `+line ${at}`).join('\n');
    const text = TURN_TOOLS.chat.render({ ...facts, answer: 'a', changes: { ...changed, diff, truncated: true } });
    expect(text).toContain('+line 199\n');
    expect(text).not.toContain('+line 200');
    expect(text).toContain('The first 200 of 1000 lines; the structured result has the rest.');
    expect(text).toContain('The diff was too large to keep whole');
  });
});

describe('markdown', () => {
  it('keeps text with backticks inside its fence', () => {
    expect(fenced('diff', '+```\n+````')).toBe('`````diff\n+```\n+````\n`````');
    expect(code('a`b')).toBe('`` a`b ``');
    expect(code('a\n  b')).toBe('`a ⏎ b`');
  });
});
