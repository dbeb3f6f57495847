import { describe, expect, it } from '@jest/globals';
import { UNGUARDED } from '../../bench/subjects/unguarded.js';
import { repositoryRoot } from '../../stack/launched.process.js';
import { ALL_ROWS } from '../rows/all-rows.js';
import { mutated } from './built-tree.js';

const ROWS = ALL_ROWS.flatMap(({ number, title, mutation, alsoMutants = [] }) => [mutation, ...alsoMutants].map((one) => ({ title: `row ${number} (${title})`, mutation: one })));
const BENCH = UNGUARDED.map((mutation) => ({ title: 'the benchmark', mutation }));

/** Whether a row goes red without its mitigation takes minutes; that there is still something to switch off does not. */
describe('the code that a mutant replaces is there once', () => {
  it.each([...ROWS, ...BENCH])('for $title: $mutation.file', async ({ mutation }) => {
    expect(await mutated(repositoryRoot, mutation)).toContain(mutation.replace);
  });
});
