import { expect, it } from '@jest/globals';
import { KeyedMutex } from './keyed-mutex.js';

it('runs work of one key in order, of two keys at once, and goes on after a failure', async () => {
  const mutex = new KeyedMutex();
  const log: string[] = [];
  const { gate, open } = createGate();
  const slow = mutex.run('a', async () => {
    await gate;
    log.push('a1');
    throw new Error('a1 failed');
  });
  const next = mutex.run('a', async () => void log.push('a2'));
  await mutex.run('b', async () => void log.push('b1'));
  open();
  await expect(slow).rejects.toThrow('a1 failed');
  await next;
  expect(log).toEqual(['b1', 'a1', 'a2']);
});

function createGate(): { gate: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  return { gate, open: () => open() };
}
