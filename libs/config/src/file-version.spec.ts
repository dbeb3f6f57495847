import { mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { fileVersion } from './index.js';

const EARLIER = new Date('2026-01-01');

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'file-version-'));
  path = join(directory, 'file');
  writeFileSync(path, 'one');
  utimesSync(path, EARLIER, EARLIER);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('is the same for as long as nobody touches the file', () => {
  expect(fileVersion(path)).toBe(fileVersion(path));
});

it.each([
  ['length', () => writeFileSync(path, 'longer')],
  ['time', () => utimesSync(path, EARLIER, new Date('2026-01-02'))],
  ['identity', () => (writeFileSync(`${path}.new`, 'two'), utimesSync(`${path}.new`, EARLIER, EARLIER), renameSync(`${path}.new`, path))],
])('is another one where the file has another %s', (_, change) => {
  const before = fileVersion(path);
  change();
  expect(fileVersion(path)).not.toBe(before);
});

it('is another one for another content of the same length and time', () => {
  const before = fileVersion(path);
  // Kernels take the time of a change from a clock that ticks each few milliseconds.
  for (let attempt = 0; attempt < 100_000 && fileVersion(path) === before; attempt++) {
    writeFileSync(path, 'two');
    utimesSync(path, EARLIER, EARLIER);
  }
  expect(fileVersion(path)).not.toBe(before);
});

it('is undefined where there is no file', () => {
  expect(fileVersion(join(directory, 'none'))).toBeUndefined();
});

it('throws where the file cannot be looked at', () => {
  symlinkSync('loop', join(directory, 'loop'));
  expect(() => fileVersion(join(directory, 'loop'))).toThrow('ELOOP');
});
