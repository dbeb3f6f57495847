import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from '@codex-mcp/observability';
import { LOGGER } from './gateway.tokens.js';

/** A killed gateway loses what it would have recorded within this. */
const DELAY_MS = 10;

/** What is left to do of an answer that the agent has, such as its records: done soon, for several answers together, so that none waits for it. */
@Injectable()
export class Afterwork {
  private waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  /** All is done in the order in which it came. */
  later(work: () => void): void {
    this.waiting.push(work);
    this.timer ??= setTimeout(() => this.run(), DELAY_MS);
  }

  /** Does all that waits, now. */
  run(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const work of this.waiting.splice(0)) {
      try {
        work();
      } catch (error) {
        this.logger.error({ err: error }, 'a request is not recorded in full');
      }
    }
  }
}
