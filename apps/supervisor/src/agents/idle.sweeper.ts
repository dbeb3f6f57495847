import type { Logger } from '@codex-mcp/observability';
import type { AgentsService } from './agents.service.js';
import type { Reaper } from './reaper.js';

const MAX_INTERVAL_MS = 10_000;

/** Keeps the registry true and sends agents to sleep that nobody has called for `timeoutMs`. */
export class IdleSweeper {
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly agents: AgentsService,
    private readonly reaper: Reaper,
    private readonly logger: Logger,
    private readonly options: { timeoutMs: number; removes: boolean },
  ) {}

  start(): void {
    const intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(100, this.options.timeoutMs / 2));
    this.timer = setTimeout(() => {
      this.sweeping = this.sweep().catch((error: unknown) => this.logger.warn({ op: 'agents.sweep', err: error }, 'agents.sweep'));
      void this.sweeping.then(() => this.timer && this.start());
    }, intervalMs);
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.sweeping;
  }

  async sweep(): Promise<void> {
    await this.reaper.reap();
    const expired = Date.now() - this.options.timeoutMs;
    for (const { agent, lastActiveAt } of await this.agents.idle(await this.agents.running())) {
      if (lastActiveAt > expired) continue;
      await this.agents.stopIdle(agent, this.options.removes ? 'remove' : 'stop');
    }
    await this.agents.tidy();
  }
}
