import { expect, it } from '@jest/globals';
import { parseChanges } from './changed-files.parser.js';

const parse = (output: string) => parseChanges(Buffer.from(output, 'latin1')).map(({ file }) => file);
const sha = '0'.repeat(40);

it('joins kinds and counts, with renames and binary files', () => {
  const raw = [`:000000 100644 ${sha} ${sha} A`, 'new.txt', `:100644 100644 ${sha} ${sha} R090`, 'old name.ts', 'new name.ts', `:100644 100644 ${sha} ${sha} M`, 'logo.png', `:100644 000000 ${sha} ${sha} D`, 'gone.txt'];
  const counts = ['3\t0\tnew.txt', '1\t2\t', 'old name.ts', 'new name.ts', '-\t-\tlogo.png', '0\t7\tgone.txt', ''];
  expect(parse([...raw, ...counts].join('\0'))).toEqual([
    { path: 'new.txt', status: 'added', additions: 3, deletions: 0 },
    { path: 'new name.ts', status: 'renamed', previous_path: 'old name.ts', additions: 1, deletions: 2 },
    { path: 'logo.png', status: 'modified', binary: true },
    { path: 'gone.txt', status: 'deleted', additions: 0, deletions: 7 },
  ]);
});

it('finds nothing in no output', () => {
  expect(parse('')).toEqual([]);
});

it('shows paths as they are written, and those that are not UTF-8 as git quotes them', () => {
  const raw = [`:000000 100644 ${sha} ${sha} A`, 'tab\there', `:000000 100644 ${sha} ${sha} A`, 'caf\u00e9 "x"\n', `:100644 120000 ${sha} ${sha} T`, Buffer.from('ü').toString('latin1')];
  expect(parse([...raw, '1\t0\ttab\there', ''].join('\0'))).toEqual([
    { path: 'tab\there', status: 'added', additions: 1, deletions: 0 },
    { path: '"caf\\351 \\"x\\"\\012"', status: 'added' },
    { path: 'ü', status: 'modified' },
  ]);
});
