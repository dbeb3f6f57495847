import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { QUEUE_PREFIX } from './keys.js';

const SWEEP_INTERVAL_MS = 600_000;

/** Jobs that have ended are only of interest to whoever looks at the dashboards: what became of a turn is in its record. */
export const FINISHED_JOBS = { completed: { age: 3600, count: 200 }, failed: { age: 24 * 3600, count: 200 } };

/** BullMQ's limits as options of a job. */
export const KEEP_FINISHED = { removeOnComplete: FINISHED_JOBS.completed, removeOnFail: FINISHED_JOBS.failed };

/** BullMQ removes finished jobs when others finish; this does it in queues where none do. */
export class FinishedJobsSweeper {
  private readonly queues: readonly Queue[];
  private timer: NodeJS.Timeout | undefined;

  constructor(redis: Redis, names: readonly string[]) {
    this.queues = names.map((name) => new Queue(name, { connection: redis, prefix: QUEUE_PREFIX }));
    for (const queue of this.queues) queue.on('error', () => undefined);
  }

  start(): void {
    this.timer = setInterval(() => void this.sweep().catch(() => undefined), SWEEP_INTERVAL_MS); // an outage; the next one comes
  }

  /** Removes what is older than its time, as of `nowMs`. */
  async sweep(nowMs = Date.now()): Promise<void> {
    for (const queue of this.queues) {
      for (const state of ['completed', 'failed'] as const) {
        const graceMs = FINISHED_JOBS[state].age * 1000 - (nowMs - Date.now());
        await queue.clean(Math.max(0, graceMs), 0, state);
      }
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.queues.map((queue) => queue.close()));
  }
}
