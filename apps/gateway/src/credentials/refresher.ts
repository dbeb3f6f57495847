import { type Auditor, type Logger, operation } from '@codex-mcp/observability';
import type { RefreshOutcome } from '../refresh/refresh.contract.js';
import type { Refreshable } from './credential.js';

const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;

type Attempts = { readonly key: string; failures: number; notBeforeMs: number; last?: RefreshOutcome; running?: Promise<RefreshOutcome> };

/** Refreshes one token at a time and each only as often as makes sense: a refused one never again, a failed one after a while. */
export class Refresher {
  private attempts: Attempts | undefined;

  constructor(
    private readonly refresh: (target: Refreshable) => Promise<RefreshOutcome>,
    private readonly logger: Logger,
    private readonly audit: Auditor,
    private readonly profile: string,
  ) {}

  /** What became of the last refresh of this very token; undefined before one has ended. */
  lastOutcome(target: Refreshable): RefreshOutcome | undefined {
    return this.attempts?.key === keyOf(target) ? this.attempts.last : undefined;
  }

  /** Joins a refresh that runs, begins one, or resolves with the last outcome where another attempt would be too early or in vain. */
  async renew(target: Refreshable): Promise<RefreshOutcome> {
    const attempts = (this.attempts = this.attempts?.key === keyOf(target) ? this.attempts : { key: keyOf(target), failures: 0, notBeforeMs: 0 });
    if (attempts.running) return attempts.running;
    const { last } = attempts;
    if (last && (last.outcome === 'refused' || performance.now() < attempts.notBeforeMs)) return last;
    attempts.running = this.run(target, attempts).finally(() => delete attempts.running);
    return attempts.running;
  }

  private async run(target: Refreshable, attempts: Attempts): Promise<RefreshOutcome> {
    const outcome = await operation(this.logger, 'refresh_sign_in', {}, async (add) => {
      const result = await this.refresh(target);
      const detail = { profile: this.profile, result: result.outcome, ...('reason' in result ? { reason: result.reason } : { by: result.by }) };
      add(detail);
      this.audit.record({ action: 'sign_in.refreshed', outcome: result.outcome === 'renewed' ? 'ok' : result.outcome, detail });
      return result;
    });
    attempts.last = outcome;
    attempts.failures += 1;
    attempts.notBeforeMs = performance.now() + Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempts.failures - 1));
    return outcome;
  }
}

const keyOf = ({ file, accessToken }: Refreshable): string => `${accessToken} ${file}`;
