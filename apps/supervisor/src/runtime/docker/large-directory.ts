import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Fewer files are copied sooner than a base for them is made. */
const LARGE_FILES = 1000;

/** Whether a base is worth its making. A repository's own files do not count; what cannot be read counts as nothing. */
export async function isLarge(directory: string): Promise<boolean> {
  let found = 0;
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined && found < LARGE_FILES; next = waiting.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      if (!entry.isDirectory()) found += 1;
      else if (entry.name !== '.git') waiting.push(join(next, entry.name));
    }
  }
  return found >= LARGE_FILES;
}
