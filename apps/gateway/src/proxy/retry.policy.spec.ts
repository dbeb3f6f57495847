import { describe, expect, it } from '@jest/globals';
import { retryAfterMs } from './retry-after.js';
import { retryWaitMs } from './retry.policy.js';

describe('Retry-After', () => {
  it.each([
    ['12', 12_000],
    ['0.5', 500],
    ['0', 0],
    ['Sun, 22 Nov 2026 10:00:30 GMT', 30_000],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s', (value, expected) => {
    expect(retryAfterMs(value, Date.parse('2026-11-22T10:00:00Z'))).toBe(expected);
  });
});

describe('the wait', () => {
  const [least, most] = [() => 0, () => 1];
  const waits = (retryAfter: number | undefined, random: () => number) =>
    [1, 2, 3, 10].map((attempt) => retryWaitMs({ kind: 'rate_limited', reason: '', retryAfterMs: retryAfter }, attempt, 0, random));

  it('doubles up to a bound, and is spread', () => {
    expect(waits(undefined, most)).toEqual([500, 1000, 2000, 30_000]);
    expect(waits(undefined, least)).toEqual([250, 500, 1000, 15_000]);
  });

  it('is never shorter than asked for, and longer when it did not help', () => {
    expect(waits(1000, least)).toEqual([1000, 1000, 2000, 30_000]);
    expect(waits(60_000, most)).toEqual([61_000, 61_000, 61_000, 61_000]);
    expect(waits(0, least)).toEqual([500, 1000, 2000, 30_000]);
  });

  it('fits a timer, whatever was asked for', () => {
    expect(waits(1e12, most)).toEqual(Array.from({ length: 4 }, () => 86_400_000));
  });

  it('has an end where something may be broken', () => {
    for (const kind of ['failing', 'unreachable'] as const) {
      expect([1, 2, 3].map((attempt) => retryWaitMs({ kind, reason: '' }, attempt, 2, most))).toEqual([500, 1000, undefined]);
    }
  });
});
