import { expect, it } from '@jest/globals';
import { isLasting } from './lasting-request.js';

const request = (method: string, params?: Record<string, unknown>) => isLasting({ jsonrpc: '2.0', id: 1, method, params });

it.each(['chat', 'codex_plan', 'codex', 'read_file', 'start', 'cancel', 'answer_approval', 'new_thread', 'get_turn', 'compare', 'unknown'])('the answer to a call of %s must reach its client', (name) => {
  expect(request('tools/call', { name })).toBe(true);
});

it.each(['health_check', 'list_sessions', 'list_turns', 'get_agent_status'])('%s is as well asked again', (name) => {
  expect(request('tools/call', { name })).toBe(false);
});

it('and so is whatever calls no tool', () => {
  expect(request('tools/list')).toBe(false);
});
