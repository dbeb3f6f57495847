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
  for (const lib of ['tools', 'contracts']) await symlink(join(repository, 'libs', lib), join(root, 'libs', lib));
  await symlink(join(repository, 'apps'), join(root, 'apps'));
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

test('writes every variable with its default, who reads it and what it means', async () => {
  assert.equal(run().status, 0);
  const rows = (await read('docs/generated/configuration.md')).split('\n');
  assert.ok(rows.includes('| `PORT` | `8210` | npm start, mcp-edge | Port of the MCP endpoints, REST and the dashboards |'));
  assert.ok(rows.some((row) => row.startsWith('| `TURN_TIMEOUT` | `3600` | worker | Seconds ')), 'seconds, not what the program makes of them');
  assert.ok(rows.some((row) => row.startsWith('| `DATA_DIR` | `~/.codex-mcp` |')), 'no path of the machine that generates');
});

for (const [what, example, problem] of [
  ['a variable that nothing reads', '#PORTS=8210', /\.env\.example: PORTS is read by nothing/],
  ['a default that is another', '#PORT=8211', /\.env\.example: PORT shows 8211, but its default is 8210/],
  ['no variable that compose hands over', '#PORT=8210', /\.env\.example: REDIS_PASSWORD is missing/],
  ['no variable that the guide explains', '#REDIS_PASSWORD=secret', /\.env\.example: PORT is missing/],
]) {
  test(`--check fails on an .env.example with ${what}`, async () => {
    await writeFile(join(root, 'docker-compose.yml'), 'x: ${REDIS_PASSWORD:-secret}');
    await mkdir(join(root, 'docs'));
    await writeFile(join(root, 'docs/configuration.md'), '| variable | meaning |\n| --- | --- |\n| `PORT` | the port |\n| `GONE` | a variable of former times |\n');
    await writeFile(join(root, '.env.example'), example);
    const { status, stderr } = run();
    assert.equal(status, 1);
    assert.match(stderr, problem);
  });
}

test('takes an .env.example that says what is', async () => {
  await writeFile(join(root, 'docker-compose.yml'), 'x: ${REDIS_PASSWORD:-secret}');
  await writeFile(join(root, '.env.example'), '# Comment\n#PORT=8210\n#CONTAINER_CPU_LIMIT=4.0\n#REDIS_PASSWORD=secret\n#OPENAI_API_KEY=\n');
  const { status, stderr } = run();
  assert.equal(status, 0, stderr);
});

test('--check fails on a table of error codes that is not the code’s', async () => {
  const { ERROR_CLASSES } = await import(join(repository, 'libs/contracts/dist/index.js'));
  const rows = Object.entries(ERROR_CLASSES).map(([code, { httpStatus, retryable }]) => `| \`${code}\` | ${httpStatus} | ${retryable ? 'yes' : 'no'} | advice |\n`);
  await mkdir(join(root, 'docs'));
  await writeFile(join(root, 'docs/troubleshooting.md'), rows.join(''));
  assert.equal(run().status, 0);
  await writeFile(join(root, 'docs/troubleshooting.md'), rows.join('').replace('| `queue_full` | 429 | yes |', '| `queue_full` | 429 | no |').replace('`internal`', '`intern`'));
  const { status, stderr } = run();
  assert.equal(status, 1);
  assert.match(stderr, /queue_full must be listed with 429 yes\n.*internal must be listed with 500 yes\n.*there is no error code intern$/m);
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
