import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { bundleOf, serviceEntry } from './service-entry.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'entry-'));
});
afterEach(() => rm(root, { recursive: true }));

/** A file that was last written at a time in seconds. */
async function written(file: string, atSeconds: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, '');
  await utimes(file, atSeconds, atSeconds);
}
const compiled = (project: string, atSeconds: number) => written(join(root, project, 'dist', '.tsbuildinfo'), atSeconds);

it('is the bundle of what was last compiled, and the compiled files where the app or a library is newer', async () => {
  await compiled('libs/contracts', 10);
  await compiled('apps/worker', 10);
  expect(serviceEntry(root, 'worker')).toBe(join(root, 'apps/worker/dist/main.js'));
  await written(bundleOf(root, 'worker'), 20);
  expect(serviceEntry(root, 'worker')).toBe(bundleOf(root, 'worker'));
  await compiled('libs/contracts', 30);
  expect(serviceEntry(root, 'worker')).toBe(join(root, 'apps/worker/dist/main.js'));
  await written(bundleOf(root, 'worker'), 40);
  await compiled('apps/worker', 50);
  expect(serviceEntry(root, 'worker')).toBe(join(root, 'apps/worker/dist/main.js'));
});
