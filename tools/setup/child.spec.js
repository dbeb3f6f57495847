// @ts-check
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { onPath, run } from './child.js';

/** A process that becomes `script`, in a process group of its own. @param {string} script */
function becoming(script) {
  const parent = `import { become } from ${JSON.stringify(new URL('child.js', import.meta.url).href)}; await become(process.execPath, ['-e', ${JSON.stringify(script)}]);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', parent], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  return { child, output: () => output };
}

test('the exit code is the command’s own', async () => {
  const { child } = becoming('process.exit(7)');
  assert.deepEqual(await once(child, 'exit'), [7, null]);
});

test('one Ctrl-C, which a terminal sends to the whole group and npm sends again, arrives once', async () => {
  const script = 'let n = 0; process.on("SIGINT", () => { n++; setTimeout(() => { console.log("signals " + n); process.exit(3); }, 200); }); console.log("ready"); setInterval(() => {}, 1000);';
  const { child, output } = becoming(script);
  await once(child.stdout, 'data');
  process.kill(-(child.pid ?? NaN), 'SIGINT');
  child.kill('SIGINT');
  assert.deepEqual(await once(child, 'exit'), [3, null]);
  assert.match(output(), /signals 1\n/);
});

test('a terminal that closes ends the child in order, once', async () => {
  const script = 'process.on("SIGTERM", () => setTimeout(() => process.exit(5), 900)); console.log("ready"); setInterval(() => {}, 1000);';
  const { child } = becoming(script);
  await once(child.stdout, 'data');
  child.kill('SIGHUP');
  setTimeout(() => child.kill('SIGHUP'), 600);
  assert.deepEqual(await once(child, 'exit'), [5, null]);
});

test('a command that dies by a signal, hangs or does not exist has an exit code that says so', async () => {
  assert.equal(await run(process.execPath, ['-e', 'process.kill(process.pid, "SIGTERM")']), 143);
  assert.equal(await run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { timeoutMs: 300 }), 137);
  assert.equal(await run('codex-mcp-no-such-program', []), 127);
});

test('output is read line by line, the last one too', async () => {
  /** @type {string[]} */
  const lines = [];
  await run(process.execPath, ['-e', 'process.stdout.write("a\\nb")'], { onLine: (line) => lines.push(line) });
  assert.deepEqual(lines, ['a', 'b']);
});

test('programs are found as a shell finds them', () => {
  assert.match(onPath('sh') ?? '', /\/sh$/);
  assert.equal(onPath('codex-mcp-no-such-program'), undefined);
});
