/**
 * Says what can happen very often at most once in `everyMs`: the first time at once. `times` is how often it has happened since it was
 * last said, this time included; what comes within the interval is told with the next one after it.
 */
export function sparingly<Fields>(everyMs: number, say: (fields: Fields, times: number) => void, nowMs = (): number => performance.now()): (fields: Fields) => void {
  let saidMs = Number.NEGATIVE_INFINITY;
  let times = 0;
  return (fields) => {
    times += 1;
    if (nowMs() - saidMs < everyMs) return;
    saidMs = nowMs();
    say(fields, times);
    times = 0;
  };
}
