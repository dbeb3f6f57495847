import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { refreshDirectory } from './credential-paths.js';
import { FileReplacement } from './file-replacement.js';
import { type LockTimes, withFileLock } from './file-lock.js';

/** Longer than a refresh takes, also one whose issuer does not answer. */
export const AUTH_FILE_LOCK: LockTimes = { waitMs: 90_000, leaseMs: 60_000 };

/** Puts a new sign-in in the place of the one that is there, never in the middle of its refresh. */
export async function storeAuthFile(file: string, text: string): Promise<void> {
  const path = withoutLinks(file);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await withFileLock(refreshDirectory(path), AUTH_FILE_LOCK, async () => {
    forgetRefreshes(path);
    const replacement = new FileReplacement(path, join(refreshDirectory(path), 'next-sign-in.json'));
    replacement.write(text);
    replacement.commit();
  });
}

/** Removes a sign-in with everything that a refresh has left beside it. Resolves with what it was; undefined where there was none. */
export async function removeAuthFile(file: string): Promise<string | undefined> {
  const path = withoutLinks(file);
  if (!existsSync(path)) return undefined;
  return withFileLock(refreshDirectory(path), AUTH_FILE_LOCK, async () => {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    rmSync(path, { force: true });
    forgetRefreshes(path);
    return text;
  });
}

/** Deletes what refreshes of earlier tokens have left; `except` is kept. Call it under the lock. */
export function forgetRefreshes(path: string, except?: string): void {
  const directory = refreshDirectory(path);
  const left = readdirSync(directory).filter((name) => name.startsWith('next-') || name.startsWith('refused-'));
  for (const name of left) if (except === undefined || !name.includes(except)) rmSync(join(directory, name), { force: true });
}

/** The lock is beside the file itself, also for those who reach it by a link. */
const withoutLinks = (path: string): string => (existsSync(path) ? realpathSync(path) : path);
