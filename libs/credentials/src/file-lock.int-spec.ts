import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';
import { withFileLock } from './file-lock.js';

const BUILT = join(import.meta.dirname, '../dist/file-lock.js');
const PATIENT = { waitMs: 60_000, leaseMs: 600_000 };

let home: TemporaryDirectory;
let directory: string;
beforeEach(async () => {
  home = await temporaryDirectory();
  directory = join(home.path, 'lock');
});
afterEach(() => home.remove());

/** A process that runs `work`, with `lock(fn)` at hand, and says so on its standard output when it holds the lock. */
function processWith(work: string) {
  const program = `import { withFileLock } from ${JSON.stringify(BUILT)}; import * as fs from 'node:fs'; const lock = (fn) => withFileLock(${JSON.stringify(directory)}, ${JSON.stringify(PATIENT)}, fn); ${work}`;
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('the lock', () => {
  it('is held by one process at a time, and by one caller within a process', async () => {
    const counter = join(home.path, 'counter');
    writeFileSync(counter, '0');
    const increment = `for (let i = 0; i < 15; i++) await lock(async () => { const n = Number(fs.readFileSync(${JSON.stringify(counter)})); await new Promise(setImmediate); fs.writeFileSync(${JSON.stringify(counter)}, String(n + 1)); });`;
    const ended = [1, 2, 3].map(() => once(processWith(increment), 'exit'));
    const own = Array.from({ length: 15 }, () =>
      withFileLock(directory, PATIENT, async () => {
        const before = Number(readFileSync(counter, 'utf8'));
        await turn();
        writeFileSync(counter, String(before + 1));
      }),
    );
    await Promise.all([...ended, ...own]);
    expect(readFileSync(counter, 'utf8')).toBe('60');
    expect(readdirSync(directory).length).toBeLessThan(12);
  }, 60_000);

  it('is free again when its holder was killed', async () => {
    const holder = processWith("await lock(async () => { console.log('held'); await new Promise((resolve) => setTimeout(resolve, 600_000)); });");
    await once(holder.stdout, 'data');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await withFileLock(directory, PATIENT, async ({ isHeld }) => isHeld())).toBe(true);
  }, 60_000);

  it('is taken from a holder elsewhere that is silent for the lease, and that one knows', async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'lock.7'), JSON.stringify({ state: 'held', place: 'another host', pid: 1 }));
    await expect(withFileLock(directory, { waitMs: 100, leaseMs: 600_000 }, async () => undefined)).rejects.toThrow('stayed locked');
    await withFileLock(directory, { waitMs: 60_000, leaseMs: 50 }, async (first) => {
      expect(first.isHeld()).toBe(true);
      await withFileLock(directory, { waitMs: 60_000, leaseMs: 50 }, async (second) => expect([first.isHeld(), second.isHeld()]).toEqual([false, true]));
    });
  }, 60_000);
});
