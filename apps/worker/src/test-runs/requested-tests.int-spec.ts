import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TurnEvent } from '@codex-mcp/contracts';
import { eventually, type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { localCommands } from '../workspace/local-commands.fixture.js';
import { runRequestedTests } from './requested-tests.js';

jest.setTimeout(60_000); // on a busy machine

let directory: TemporaryDirectory;
beforeAll(async () => {
  directory = await temporaryDirectory();
});
afterAll(() => directory.remove());

const file = (name: string) => join(directory.path, name);
const none = new AbortController().signal;
let turns = 0;

function run(command: string, { timeoutMs = 50_000, signal = none, turnId = `turn_${process.pid}_${++turns}`, events = [] as TurnEvent[] } = {}) {
  const place = { codex: localCommands, placement: { cwd: directory.path }, sandboxPolicy: () => undefined };
  return runRequestedTests(place, { command, turnId, timeoutMs, signal, push: (event) => events.push(event) });
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^State:\sZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const started = (name: string) => eventually(() => (existsSync(file(name)) ? Number(readFileSync(file(name), 'utf8')) : 0));

it('are told with exit code, counts and the end of their output, and seen in the log', async () => {
  writeFileSync(file('a.test.cjs'), "const test = require('node:test'); test('good', () => {}); test('bad', () => { throw new Error('why it failed'); }); test.skip('later', () => {});");
  const events: TurnEvent[] = [];
  const result = await run('node --test --test-reporter=tap a.test.cjs', { events });
  expect(result).toMatchObject({ command: 'node --test --test-reporter=tap a.test.cjs', run_by: 'server', exit_code: 1, runner: 'node --test', passed: 1, failed: 1, skipped: 1, duration_ms: expect.any(Number), output: expect.stringContaining('why it failed') });
  expect(events).toMatchObject([{ type: 'item_started', item: { type: 'command', status: 'running' } }, { type: 'item_completed', item: { status: 'failed', exitCode: 1, output: expect.stringContaining('# fail 1') } }]);
});

it('are the last of a long output, with what is no text', async () => {
  const { output = '', exit_code: exitCode } = await run("seq 1 400000; printf 'caf\\351\\n'; echo to stderr >&2; echo $CI");
  expect(exitCode).toBe(0);
  expect(output.length).toBeLessThan(8100);
  expect(output).toMatch(/^…[^]*400000\ncaf.\nto stderr\ntrue\n$/);
});

it('that take too long are stopped, with all that they have started', async () => {
  const result = await run('echo $$ > late.pid; setsid sleep 1000 & echo $! > daemon.pid; echo begun; trap "" TERM; sleep 1000; sleep 1000', { timeoutMs: 5000 });
  expect(result).toEqual({ command: expect.any(String), run_by: 'server', timed_out: true, duration_ms: expect.any(Number), output: 'begun\n' });
  for (const name of ['late.pid', 'daemon.pid']) expect(isAlive(await started(name))).toBe(false);
});

it('that leave something running end all the same, and so does what they left', async () => {
  expect(await run('sleep 1000 & echo $! > left.pid; exit 3')).toMatchObject({ exit_code: 3 });
  expect(isAlive(await started('left.pid'))).toBe(false);
});

it('of a turn that is stopped are stopped', async () => {
  const stop = new AbortController();
  const running = run('echo $$ > stopped.pid; sleep 1000', { signal: stop.signal });
  const pid = await started('stopped.pid');
  expect(isAlive(pid)).toBe(true);
  stop.abort(new Error('cancelled'));
  await expect(running).rejects.toThrow('cancelled');
  expect(isAlive(pid)).toBe(false);
});

it('that an earlier worker left running are ended first', async () => {
  const turnId = 'turn_taken_over';
  const earlier = run('echo $$ > earlier.pid; sleep 1000', { turnId });
  const pid = await started('earlier.pid');
  expect(await run('echo again', { turnId })).toMatchObject({ exit_code: 0, output: 'again\n' });
  expect(isAlive(pid)).toBe(false);
  await earlier;
});

it('are not begun where the turn has no time left', async () => {
  expect(await run('echo $$ > never.pid', { timeoutMs: 10 })).toMatchObject({ timed_out: true });
  expect(existsSync(file('never.pid'))).toBe(false);
});
