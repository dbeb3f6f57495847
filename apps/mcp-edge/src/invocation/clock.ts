/** Time as progress sees it; tests bring their own. */
export type Clock = {
  now(): number;
  /** Returns what takes it back. */
  after(delayMs: number, run: () => void): () => void;
};

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
