import { ENVELOPE_LIFETIMES_MS } from '@codex-mcp/messaging';

/** Longer than the signature of any command counts: with what its asker may wait at most, and clocks that differ. */
const KEPT_MS = ENVELOPE_LIFETIMES_MS.result + 20 * 60_000;

/**
 * What became of commands, for as long as they could be put into the queue again: each is carried out once by this process, and
 * whoever brings it again, the queue itself or somebody who copied it, has the same outcome.
 */
export class CarriedOut {
  private readonly outcomes = new Map<string, { readonly outcome: Promise<object>; readonly atMs: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  once(command: string, work: () => Promise<object>): Promise<object> {
    this.forget();
    const known = this.outcomes.get(command);
    if (known) return known.outcome;
    const outcome = work();
    this.outcomes.set(command, { outcome, atMs: this.now() });
    return outcome;
  }

  /** They stand in the order in which they came. */
  private forget(): void {
    for (const [command, { atMs }] of this.outcomes) {
      if (this.now() - atMs < KEPT_MS) return;
      this.outcomes.delete(command);
    }
  }
}
