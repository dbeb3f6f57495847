import { describe, expect, test } from '@jest/globals';
import { eventually } from './eventually.js';

const failing = async () => Promise.reject(new Error('not yet'));
const maybe = (): string | undefined => undefined;

describe('eventually', () => {
  test('returns the first truthy value', async () => {
    let calls = 0;
    expect(await eventually(() => (calls++ < 3 ? null : 'there'), { intervalMs: 1 })).toBe('there');
    expect(calls).toBe(4);
  });

  test('waits until an assertion holds', async () => {
    let calls = 0;
    await eventually(() => expect(calls++).toBe(3), { intervalMs: 1 });
    expect(calls).toBe(4);
  });

  test('names the last error, or the last value, when time is up', async () => {
    await expect(eventually(failing, { timeoutMs: 5, intervalMs: 1 })).rejects.toThrow('not so within 5 ms; last: not yet');
    await expect(eventually(() => false, { timeoutMs: 5, intervalMs: 1 })).rejects.toThrow('last: returned false');
  });

  test('is a type error with a function that may return undefined', async () => {
    // @ts-expect-error undefined would count as an assertion that holds
    expect(await eventually(maybe)).toBeUndefined();
  });
});
