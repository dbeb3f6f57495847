import { describe, expect, it } from '@jest/globals';
import { extentOf } from './json-extent.js';

describe('extentOf', () => {
  it.each<[string, number, number]>([
    ['1', 0, 1],
    ['"[[{,"', 0, 1],
    ['[]', 1, 2],
    ['[1,2,3]', 1, 4],
    ['{"a":{"b":[{}]},"c":"]"}', 4, 6],
    [String.raw`["\"[[", "\\", [","]]`, 2, 5],
    [String.raw`["\\\"[", []]`, 2, 4],
    ['"unterminated [[', 0, 1],
    ['['.repeat(1_000_000), 1_000_000, 1_000_001],
  ])('of %.40s', (text, depth, values) => {
    expect(extentOf(text)).toEqual({ depth, values });
  });

  it('is never less than what a parser makes of it', () => {
    const depthOf = (value: unknown): number => (typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0);
    const sizeOf = (value: unknown): number => (typeof value === 'object' && value !== null ? Object.values(value).reduce<number>((sum, each) => sum + sizeOf(each), 1) : 1);
    const values = [{ a: [1, { '"': ['\\', '\\"', { ']': [] }] }], '\\': 'x"y' }, [[], {}, [[null, false], 'a,b'], '\\\\"']];
    for (const value of values) for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
      expect(extentOf(text).depth).toBe(depthOf(value));
      expect(extentOf(text).values).toBeGreaterThanOrEqual(sizeOf(value));
    }
  });
});
