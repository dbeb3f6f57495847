import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

const repository = join(import.meta.dirname, '../..');
const generator = 'tools/docs/generate.js';
const page = 'docs/generated/tools.md';

let root = '';
const run = (...args) => spawnSync(process.execPath, [generator, ...args], { cwd: root, encoding: 'utf8' });
const read = (file) => readFile(join(root, file), 'utf8');

// A copy of the generator beside the built catalogue, so that nothing here writes into the repository.
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'docs-'));
  await cp(join(repository, 'tools/docs'), join(root, 'tools/docs'), { recursive: true });
  await cp(join(repository, 'package.json'), join(root, 'package.json'));
  await mkdir(join(root, 'libs'));
  await symlink(join(repository, 'libs/tools'), join(root, 'libs/tools'));
});
afterEach(() => rm(root, { recursive: true }));

test('writes every tool into the page and the table of the README, and nothing else of it', async () => {
  await writeFile(join(root, 'README.md'), 'before\n<!-- tools:begin -->\nold\n<!-- tools:end -->\nafter\n');
  assert.equal(run().status, 0);
  const readme = await read('README.md');
  assert.match(readme, /^before\n<!-- tools:begin -->\n\| tool \|/);
  assert.match(readme, /\n<!-- tools:end -->\nafter\n$/);
  assert.doesNotMatch(readme, /\nold\n/);
  assert.match(readme, /\| `plan\(task, repo_context\?, constraints\?\)` \|/);
  assert.match(await read(page), /\n## cancel\n/);
  assert.equal(run('--check').status, 0);
});

test('--check fails on a stale document and leaves it alone', async () => {
  run();
  await writeFile(join(root, page), 'stale');
  const { status, stderr } = run('--check');
  assert.equal(status, 1);
  assert.match(stderr, /Stale: docs\/generated\/tools\.md\. Run node tools\/docs\/generate\.js/);
  assert.equal(await read(page), 'stale');
});

test('says what a README without markers needs', async () => {
  await writeFile(join(root, 'README.md'), 'no markers');
  const { status, stderr } = run();
  assert.equal(status, 1);
  assert.match(stderr, /^README\.md needs <!-- tools:begin -->/);
});

test('says how to build a catalogue that is missing', async () => {
  await rm(join(root, 'libs/tools'));
  const { status, stderr } = run('--check');
  assert.equal(status, 1);
  assert.match(stderr, /libs\/tools\/dist\/index\.js is missing: run npx tsc -b libs\/tools first\./);
});
