// @ts-check
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const script = `import { ensureRedis } from ${JSON.stringify(new URL('redis.js', import.meta.url).href)}; await ensureRedis();`;

/** Runs the step without a terminal on a machine that has nothing on PATH but `programs`. @param {Record<string, string>} programs @param {Record<string, string>} [env] */
function onMachineWith(programs, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'codex-mcp-path-'));
  try {
    for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: { PATH: folder, BIN: folder, ...env }, encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const installs = ': > "$BIN/redis-server"; /bin/chmod +x "$BIN/redis-server"';
const isRoot = process.getuid?.() === 0;

test('nothing happens where a Redis is at hand', () => {
  for (const { status, stdout, stderr } of [onMachineWith({ 'redis-server': '' }), onMachineWith({}, { REDIS_URL: 'redis://host' })]) {
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
  }
});

test('a machine that can install nothing is told the alternatives', () => {
  const { status, stderr } = onMachineWith({});
  assert.equal(status, 1);
  assert.match(stderr, /redis-server is missing.*set REDIS_URL/);
});

test('brew, which needs no root, installs without asking where there is no terminal', () => {
  const { status, stdout } = onMachineWith({ brew: installs });
  assert.equal(status, 0);
  assert.match(stdout, /redis: installing redis-server with brew/);
});

test('apt-get installs as root without a terminal, and asks nobody for sudo', () => {
  const { status, stdout, stderr } = onMachineWith({ 'apt-get': installs, sudo: 'exit 9' });
  if (isRoot) {
    assert.equal(status, 0);
    assert.match(stdout, /redis: installing redis-server with apt-get/);
  } else {
    assert.equal(status, 1);
    assert.match(stderr, /takes root.*set REDIS_URL/);
  }
});

test('a package manager that fails, or installs no redis-server, is reported', () => {
  assert.match(onMachineWith({ brew: 'exit 4' }).stderr, /brew install .* failed with exit code 4/);
  assert.match(onMachineWith({ brew: '' }).stderr, /redis-server is not on PATH/);
});
