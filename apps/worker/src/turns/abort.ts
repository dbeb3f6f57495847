/** How long after its end was called for a turn may take to stop; what hangs in it is then left behind. */
const STOP_MS = 3000;

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

/** What `work` brings; when it has not stopped a while after the signal aborted, calls `onOverdue` and rejects with the signal's reason. */
export async function stoppedInTime<Result>(work: Promise<Result>, signal: AbortSignal, onOverdue: () => void): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: () => void = () => undefined;
  const overdue = new Promise<never>((_, reject) => {
    const giveUp = () => {
      onOverdue();
      reject(signal.reason);
    };
    onAbort = () => (timer = setTimeout(giveUp, STOP_MS));
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
