import { TurnJob } from '@codex-mcp/contracts';
import type { Job, Queue } from 'bullmq';
import { KEEP_FINISHED } from './finished-jobs.js';
import type { TurnStore } from './turn-store.js';

/** A turn behind another of its agent waits as a delayed job; far enough that only a promotion ends it. */
const PARKED_MS = 365 * 24 * 3600 * 1000;

const JOB_OPTIONS = { attempts: 1, ...KEEP_FINISHED };

/**
 * One BullMQ job per turn, first in first out per agent: the mailbox holds the order, and only its head
 * is a waiting job. All writes are idempotent, so whoever finds a head without a runnable job mends it.
 */
export class TurnDispatcher {
  constructor(
    private readonly queue: Queue<TurnJob>,
    private readonly turns: TurnStore,
  ) {}

  async enqueue(job: TurnJob, position: number): Promise<void> {
    await this.queue.add(job.tool, job, { ...JOB_OPTIONS, jobId: job.turnId, ...(position > 0 && { delay: PARKED_MS }) });
    if (position === 0) return;
    // The turn before may have ended between acceptance and here, and so may this one.
    const unfinished = await this.turns.unfinished(job.agentKey);
    await this.release(unfinished[0], job.agentKey);
    if (!unfinished.includes(job.turnId)) await this.retire(job.turnId);
  }

  /** The job of a turn that has ended out of its order: parked, it would wait for a promotion that never comes; a worker that gets it finds the turn ended. */
  async retire(turnId: string): Promise<void> {
    const job = await this.queue.getJob(turnId);
    if (await job?.isDelayed()) await job?.promote().catch(() => undefined); // another process promoted it first
  }

  /** Makes the head of an agent's mailbox runnable. Harmless when it already is. */
  async releaseHead(agentKey: string): Promise<void> {
    const [head] = await this.turns.unfinished(agentKey);
    await this.release(head, agentKey);
  }

  private async release(head: string | undefined, agentKey: string): Promise<void> {
    if (head === undefined) return;
    const job = await this.queue.getJob(head);
    if (!job) return this.requeue(head, agentKey);
    const state = await job.getState();
    if (state === 'failed' || state === 'completed') return this.replace(job, head, agentKey);
    if (state === 'delayed') await job.promote().catch(() => undefined); // another process promoted it first
  }

  /** For agents whose head lost its job to a crash between two steps. */
  async releaseAll(): Promise<void> {
    for (const agentKey of await this.turns.busyAgents()) await this.releaseHead(agentKey);
  }

  /** A job that ended without its turn's end runs again; the turn's own record decides what is left to do. */
  private async replace(job: Job<TurnJob>, turnId: string, agentKey: string): Promise<void> {
    await job.remove().catch(() => undefined); // another process replaces it at the same time
    await this.queue.add(job.name, { ...job.data, turnId, agentKey }, { ...JOB_OPTIONS, jobId: turnId });
  }

  private async requeue(turnId: string, agentKey: string): Promise<void> {
    const turn = await this.turns.load(turnId).catch(() => undefined);
    const { tool = 'unknown', correlationId = '' } = turn?.request ?? {};
    await this.queue.add(tool, { turnId, agentKey, tool, correlationId }, { ...JOB_OPTIONS, jobId: turnId });
  }
}
