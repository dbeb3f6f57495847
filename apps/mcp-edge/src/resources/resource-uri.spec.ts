import { describe, expect, it } from '@jest/globals';
import { agentUri, parseResourceUri } from './resource-uri.js';

describe('the URI of a resource', () => {
  it.each([
    ['agent://a_b-1', { kind: 'agent', agentId: 'a_b-1' }],
    ['agent://a/', { kind: 'agent', agentId: 'a' }],
    ['agent://a/threads', { kind: 'threads', agentId: 'a' }],
    ['agent://a/threads/thread_1', { kind: 'thread', agentId: 'a', threadId: 'thread_1' }],
    ['agent://a/turns/turn_1', { kind: 'turn', agentId: 'a', turnId: 'turn_1' }],
    ['agent://a/turns/turn_1/diff', { kind: 'turn_diff', agentId: 'a', turnId: 'turn_1' }],
    ['agent://a/diff', { kind: 'diff', agentId: 'a' }],
    ['agent://a/files/src/app.ts', { kind: 'file', agentId: 'a', path: 'src/app.ts' }],
    ['agent://a/files/with%20space/100%25%3F.txt', { kind: 'file', agentId: 'a', path: 'with space/100%?.txt' }],
  ])('%s is read', (uri, address) => {
    expect(parseResourceUri(uri)).toEqual(address);
  });

  it.each(['agent://', 'agent://A', 'agent://a b', 'agent://../x', 'agent://a/files', 'agent://a/files/', 'agent://a/files/%E0%A4%A', 'agent://a/nothing', 'agent://a/turns', 'agent://a/turns/t/x', 'agent://a/turns/t/diff/x', 'agent://a/threads/t/x', 'agent://a/diff/x', 'agent://a?x=1', 'file:///etc/passwd'])('%s is none', (uri) => {
    expect(parseResourceUri(uri)).toBeUndefined();
  });

  it('is made of an agent and parts', () => {
    expect(agentUri('a')).toBe('agent://a');
    expect(agentUri('a', 'turns', 'turn_1')).toBe('agent://a/turns/turn_1');
  });
});
