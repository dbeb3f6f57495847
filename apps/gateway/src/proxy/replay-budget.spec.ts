import { describe, expect, it } from '@jest/globals';
import { ReplayBudget } from './replay-budget.js';

describe('the room for requests that may be sent again', () => {
  const budget = () => new ReplayBudget({ requestBytes: 10, agentBytes: 20, totalBytes: 50 });

  it('is limited for each request, for each agent, and for all', () => {
    const { reserve } = bound(budget());
    expect(reserve('a', 11)).toBe(false);
    expect([reserve('a', 10), reserve('a', 10), reserve('a', 1)]).toEqual([true, true, false]);
    expect([reserve('b', 10), reserve('b', 10), reserve('c', 10)]).toEqual([true, true, true]);
    expect([reserve('c', 1), reserve('d', 1), reserve('d', 0)]).toEqual([false, false, true]);
  });

  it('is given back, to the agent and to all', () => {
    const all = budget();
    const { reserve } = bound(all);
    const release = all.reserve('a', 10);
    for (const agent of ['a', 'b', 'b', 'c']) reserve(agent, 10);
    expect([reserve('a', 1), reserve('d', 1)]).toEqual([false, false]);
    release?.();
    expect([reserve('a', 5), reserve('d', 5), reserve('d', 1)]).toEqual([true, true, false]);
  });
});

const bound = (budget: ReplayBudget) => ({ reserve: (agentKey: string, bytes: number) => budget.reserve(agentKey, bytes) !== undefined });
