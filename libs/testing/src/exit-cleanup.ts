import { runInThisContext } from 'node:vm';

const cleanups = new Set<() => void>();

/**
 * Runs a synchronous cleanup when this process exits, for what a test that died has left behind.
 * Returns a function that takes the cleanup back.
 */
export function atExit(cleanup: () => void): () => void {
  if (cleanups.size === 0) realProcess().on('exit', runAll);
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
    if (cleanups.size === 0) realProcess().off('exit', runAll);
  };
}

function runAll(): void {
  for (const run of cleanups) run();
}

/** Jest gives each test file a copy of `process` whose events never fire; the main context has the real one. */
function realProcess(): NodeJS.Process {
  return runInThisContext('process') as NodeJS.Process;
}
