const cleanups = new Set<() => void>();
let isRegistered = false;

/**
 * Runs a synchronous cleanup when this process exits, for what a test that died has left behind.
 * Returns a function that takes the cleanup back.
 */
export function atExit(cleanup: () => void): () => void {
  if (!isRegistered) {
    isRegistered = true;
    process.once('exit', () => {
      for (const run of cleanups) run();
    });
  }
  cleanups.add(cleanup);
  return () => void cleanups.delete(cleanup);
}
