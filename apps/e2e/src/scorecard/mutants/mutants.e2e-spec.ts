import { describe, expect, it } from '@jest/globals';
import { UNGUARDED } from '../../bench/subjects/unguarded.js';
import { ALL_ROWS as CHAOS } from '../../chaos/rows/all-rows.js';
import { ALL_ROWS as SECURITY } from '../../security/rows/all-rows.js';
import { repositoryRoot } from '../../stack/launched.process.js';
import { mutationsOf } from '../scorecard.js';
import { mutated } from './built-tree.js';

const ROWS = [...CHAOS, ...SECURITY].flatMap((row) => mutationsOf(row).map((mutation) => ({ title: `row ${row.number} (${row.title})`, mutation })));
const BENCH = UNGUARDED.map((mutation) => ({ title: 'the benchmark', mutation }));

/** Whether a row goes red without its mitigation takes minutes; that there is still something to switch off does not. */
describe('the code that a mutant replaces is there once', () => {
  it.each([...ROWS, ...BENCH])('for $title: $mutation.file', async ({ mutation }) => {
    expect(await mutated(repositoryRoot, mutation)).toContain(mutation.replace);
  });
});
