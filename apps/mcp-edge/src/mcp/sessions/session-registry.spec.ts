import { describe, expect, it } from '@jest/globals';
import { type RegisteredSession, SessionRegistry } from './session-registry.js';

const scopes = new Set(['read', 'run'] as const);
const alice = { tenant: 't', id: 'alice', scopes };

function start(maxSessions = 2) {
  let now = 0;
  const closed: string[] = [];
  const counts: number[] = [];
  const registry = new SessionRegistry<RegisteredSession & { name: string }>({ maxSessions, maxIdleMs: 1000, onChange: (count) => counts.push(count) }, () => now);
  const add = (name: string, isBusy = false) => registry.add(name, { name, principal: alice, isBusy, close: async () => void closed.push(name) });
  return { registry, add, closed, counts, at: (timeMs: number) => (now = timeMs) };
}

describe('SessionRegistry', () => {
  it('gives a session to its principal only', () => {
    const { registry, add } = start();
    add('a');
    expect(registry.use('a', alice)?.name).toBe('a');
    expect(registry.use('a', { tenant: 't', id: 'bob', scopes })).toBeUndefined();
    expect(registry.use('b', alice)).toBeUndefined();
  });

  it('makes room by ending the longest unused session', () => {
    const { registry, add, closed, counts } = start();
    add('a');
    add('b');
    registry.use('a', alice);
    add('c');
    expect(closed).toEqual(['b']);
    expect(counts.at(-1)).toBe(2);
    expect(registry.use('a', alice)).toBeDefined();
  });

  it('makes room by ending one in use only where all are', () => {
    const { add, closed } = start();
    add('a', true);
    add('b');
    add('c', true);
    expect(closed).toEqual(['b']);
    add('d');
    expect(closed).toEqual(['b', 'a']);
  });

  it('ends sessions that nobody uses, and only those', () => {
    const { registry, add, closed, at } = start(10);
    add('a');
    add('b');
    at(900);
    registry.use('a', alice);
    at(1500);
    registry.sweep();
    expect(closed).toEqual(['b']);
    expect(registry.use('b', alice)).toBeUndefined();
  });

  it('closes all at the end', async () => {
    const { registry, add, closed } = start();
    add('a');
    add('b');
    await registry.close();
    expect(closed).toEqual(['a', 'b']);
  });
});
