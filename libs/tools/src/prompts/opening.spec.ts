import { describe, expect, it } from '@jest/globals';
import { TURN_TOOLS } from '../catalogue/catalogue.js';
import { openingOf } from './opening.js';

describe('the opening of a call', () => {
  it('is the first thing that it says, on one line', () => {
    expect(openingOf(TURN_TOOLS.chat, { message: 'Where is\n  the cache?', context: 'c' })).toBe('Where is the cache?');
    expect(openingOf(TURN_TOOLS.plan, { task: 'Add a cache' })).toBe('Add a cache');
    expect(openingOf(TURN_TOOLS.fix, { failing_tests: ['a.spec', 'b.spec'] })).toBe('a.spec, b.spec');
    expect(openingOf(TURN_TOOLS.fix, { failing_tests: [' '], symptoms: ['slow'] })).toBe('slow');
  });

  it('is nothing of what all tools take', () => {
    expect(openingOf(TURN_TOOLS.fix, { agent_id: 'anna', model: 'm' })).toBe('');
  });

  it('is cut between characters', () => {
    expect(openingOf(TURN_TOOLS.chat, { message: '🙂'.repeat(200) })).toBe(`${'🙂'.repeat(80)}…`);
  });
});
