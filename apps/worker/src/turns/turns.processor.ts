import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { TurnJob, TURNS_QUEUE } from '@codex-mcp/contracts';
import { DelayedError, type Job, WaitingError } from 'bullmq';
import type { Consumer } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import { Inject } from '@nestjs/common';
import { LOGGER } from '../worker.tokens.js';
import { type RunResult, TurnRunner } from './turn.runner.js';

/** A dead worker's turns are given to another when their locks have ended and a check has seen it: within 11 s. */
const LOCK_MS = 9000;
const STALLED_CHECK_MS = 2000;
/** A job that was promoted by hand waits again until the turns before it are done. */
const PARKED_MS = 365 * 24 * 3600 * 1000;

/** Turns come in as jobs. What becomes of them is in their records; a job fails only where no record could be written. */
@Processor(TURNS_QUEUE, { autorun: false, lockDuration: LOCK_MS, stalledInterval: STALLED_CHECK_MS, maxStalledCount: 1000 })
export class TurnsProcessor extends WorkerHost implements Consumer {
  readonly queue = TURNS_QUEUE;
  private readonly shutdown = new AbortController();
  private active = 0;
  private taken = 0;

  constructor(
    @Inject(TurnRunner) private readonly runner: TurnRunner,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  start(concurrency: number): void {
    this.worker.concurrency = concurrency;
    void this.worker.run();
  }

  get activeTurns(): number {
    return this.active;
  }

  get isConsuming(): boolean {
    return this.worker.isRunning() && !this.worker.isPaused();
  }

  hasRoom(): boolean {
    return this.active < this.worker.concurrency;
  }

  begun(): number {
    return this.taken;
  }

  /** Takes no more turns and gives those under way `timeoutMs`; what is left then goes to another worker. */
  async drain(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.shutdown.abort(new Error('this worker shuts down')), timeoutMs);
    await this.worker.close();
    clearTimeout(timer);
  }

  override async process(job: Job<unknown>, token?: string): Promise<void> {
    const result = await this.run(TurnJob.parse(job.data));
    if (result === 'done') return;
    if (result === 'left') {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    await job.moveToDelayed(Date.now() + PARKED_MS, token);
    throw new DelayedError();
  }

  private async run(turn: TurnJob): Promise<RunResult> {
    this.active++;
    this.taken++;
    try {
      return await this.runner.run(turn, this.shutdown.signal);
    } finally {
      this.active--;
    }
  }

  @OnWorkerEvent('error')
  onError(error: Error): void {
    this.logger.warn({ op: 'queue.turns', err: error }, 'queue.turns');
  }
}
