import { statSync } from 'node:fs';

/**
 * Another text whenever the file at a path is another one, or has been written to, for the price of a stat: files that are mounted or
 * replaced are not always announced. Undefined where there is none; throws where it cannot be looked at.
 */
export function fileVersion(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && [stats.ino, stats.mtimeMs, stats.ctimeMs, stats.size].join(' ');
}
