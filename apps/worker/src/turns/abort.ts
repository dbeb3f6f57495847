/** What `work` brings; rejects with the signal's reason as soon as it aborts. `late` is called when the work succeeds after that. */
export async function unlessAborted<Result>(signal: AbortSignal, work: Promise<Result>, late: () => void = () => undefined): Promise<Result> {
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      work.then(late, () => undefined);
      reject(signal.reason);
    };
  });
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
