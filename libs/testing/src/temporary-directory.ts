import { rmSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from './exit-cleanup.js';

export interface TemporaryDirectory extends AsyncDisposable {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Deletes it with its content; harmless when repeated. */
  remove(): Promise<void>;
}

/** A new empty directory, mode 0700. Deleted by `remove()`, by `await using`, or when the process exits. */
export async function temporaryDirectory(prefix = 'codex-mcp-test-'): Promise<TemporaryDirectory> {
  const path = await realpath(await mkdtemp(join(tmpdir(), prefix)));
  const forget = atExit(() => rmSync(path, { recursive: true, force: true }));
  const remove = async () => {
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
    forget();
  };
  return { path, remove, [Symbol.asyncDispose]: remove };
}
