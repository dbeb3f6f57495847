// @ts-check
// The linter's configuration, probed: each limit that it holds is broken once.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withTree } from './planted.fixture.js';
import { repository } from './report.js';
import { readJson } from './sources.js';

const lines = (/** @type {number} */ count, /** @type {string} */ line) => `${line}\n`.repeat(count);
const longFunction = `export function long(): number {\n  let n = 0;\n${lines(60, '  n += 1;')}  return n;\n}\n`;

/** The rule that has to speak, and the file that breaks it. @type {[rule: string, file: string, code: string][]} */
const planted = [
  ['max-lines', 'libs/a/src/long.ts', `export const first = 1;\n${lines(300, '// line')}`],
  ['max-lines-per-function', 'libs/a/src/function.ts', longFunction],
  ['max-lines-per-function', 'tools/a/function.js', longFunction.replace(': number', '')],
  ['no-console', 'apps/edge/src/print.ts', "console.log('a');\n"],
  ['no-console', 'libs/a/src/print.ts', "console.log('a');\n"],
  ['no-floating-promises', 'libs/a/src/floating.ts', 'export async function wait(): Promise<void> {}\nwait();\n'],
  ['no-misused-promises', 'libs/a/src/misused.ts', 'export const wait = (): Promise<boolean> => Promise.resolve(true);\nif (wait()) throw new Error();\n'],
  ['no-explicit-any', 'libs/a/src/any.ts', 'export const value: any = 1;\n'],
  ['no-non-null-assertion', 'libs/a/src/assertion.ts', 'export const first = (list: number[]): number => list[0]!;\n'],
  ['no-cycle', 'libs/a/src/cycle.ts', "export { other } from './other.js';\n"],
  ['no-default-export', 'libs/a/src/default.ts', 'export default 1;\n'],
  ['prefer-node-protocol', 'libs/a/src/builtin.ts', "export { join } from 'path';\n"],
];

const allowed = {
  'libs/a/src/long.spec.ts': longFunction,
  'libs/a/src/other.ts': "import { other as again } from './cycle.js';\nexport const other = (): unknown => again;\n",
  'libs/a/jest.config.js': 'export default {};\n',
  'apps/cli/src/print.ts': "console.log('a');\n",
};

test('every limit of the linter holds, and only where it is meant to', () => {
  const tree = {
    ...allowed,
    ...Object.fromEntries(planted.map(([, file, code]) => [file, code])),
    '.oxlintrc.json': readJson(join(repository, '.oxlintrc.json')),
    'libs/a/tsconfig.json': { compilerOptions: { strict: true, module: 'nodenext', target: 'es2023' }, include: ['src'] },
  };
  const reports = withTree(tree, (root) => {
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules')); // where oxlint looks for its type-aware half
    return spawnSync(join(repository, 'node_modules/.bin/oxlint'), ['--type-aware', '-f', 'unix', 'apps', 'libs', 'tools'], { cwd: root, encoding: 'utf8' }).stdout.split('\n');
  });
  for (const [rule, file] of planted) {
    assert.ok(reports.some((line) => line.startsWith(`${file}:`) && line.includes(`(${rule})`)), `${rule} is silent about ${file}:\n${reports.join('\n')}`);
  }
  for (const file of Object.keys(allowed).filter((name) => !name.includes('other'))) {
    assert.ok(!reports.some((line) => line.startsWith(`${file}:`)), `${file} is reported:\n${reports.join('\n')}`);
  }
});
