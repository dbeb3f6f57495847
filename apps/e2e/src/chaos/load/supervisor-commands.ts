import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agentKey, LOCAL_TENANT, PLACEMENTS_QUEUE, supervisorQueueName } from '@codex-mcp/contracts';
import { QUEUE_PREFIX } from '@codex-mcp/messaging';
import { eventually } from '@codex-mcp/testing';
import { type Job, Queue } from 'bullmq';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';

const DONE_TIMEOUT_MS = 60_000;

/** Something that is asked for and takes its time. */
export interface Request {
  isOver(): Promise<boolean>;
  /** Rejects when it failed or takes for ever. */
  done(): Promise<void>;
}

/** A command to a supervisor, as a worker or an edge gives it. */
export class SupervisorCommand implements Request {
  private constructor(
    private readonly queue: Queue,
    private readonly job: Job,
    private readonly system: ServiceSystem,
  ) {}

  static async give(system: ServiceSystem, name: 'ensure' | 'stop' | 'remove', agentId: string): Promise<SupervisorCommand> {
    const id = (await readFile(join(system.runDir, 'supervisor-id'), 'utf8')).trim();
    const queue = new Queue(name === 'ensure' ? PLACEMENTS_QUEUE : supervisorQueueName(id), { connection: system.redis, prefix: QUEUE_PREFIX });
    const agent = { key: agentKey(LOCAL_TENANT, agentId), tenant: LOCAL_TENANT, agentId };
    return new SupervisorCommand(queue, await queue.add(name, { agent, correlationId: `${name}-${agentId}` }), system);
  }

  async isOver(): Promise<boolean> {
    return (await this.job.isCompleted()) || this.job.isFailed();
  }

  async done(): Promise<void> {
    await eventually(() => this.isOver(), { timeoutMs: DONE_TIMEOUT_MS, intervalMs: 50 });
    if (await this.job.isFailed()) throw new Error(`${this.job.name} failed: ${(await this.queue.getJob(this.job.id ?? ''))?.failedReason}`);
  }

  /** Whoever asked has given up: nobody asks again, and the dead supervisor's hold on it counts no more. */
  async withdraw(): Promise<void> {
    await this.system.redis.del(`${QUEUE_PREFIX}:${this.queue.name}:${this.job.id}:lock`);
    await this.job.remove();
  }
}
