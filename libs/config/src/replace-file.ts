import { renameSync, writeFileSync } from 'node:fs';

/** Writes a file that its owner alone may read: whoever reads it meanwhile, or after a crash of this process, finds the former one or all of this. */
export function replaceFile(path: string, content: string): void {
  writeFileSync(`${path}.new`, content, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
