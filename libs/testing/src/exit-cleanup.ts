import { runInThisContext } from 'node:vm';

const cleanups = new Set<() => void>();
let isRegistered = false;

/**
 * Runs a synchronous cleanup when this process exits, for what a test that died has left behind.
 * Returns a function that takes the cleanup back.
 */
export function atExit(cleanup: () => void): () => void {
  if (!isRegistered) {
    isRegistered = true;
    realProcess().once('exit', () => {
      for (const run of cleanups) run();
    });
  }
  cleanups.add(cleanup);
  return () => void cleanups.delete(cleanup);
}

/** Jest gives each test file a copy of `process` whose events never fire; the main context has the real one. */
function realProcess(): NodeJS.Process {
  return runInThisContext('process') as NodeJS.Process;
}
