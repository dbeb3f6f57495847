import { AgentIdentity, AppError, type Placement, PLACEMENTS_QUEUE, placementsQueue, supervisorQueue, supervisorQueueName } from '@codex-mcp/contracts';
import { commandAction, type Consumer, ENVELOPE_LIFETIMES_MS, type Envelopes, jobFailure, QUEUE_PREFIX, resultAction } from '@codex-mcp/messaging';
import type { Auditor } from '@codex-mcp/observability';
import { type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { AgentsService } from './agents.service.js';
import { CarriedOut } from './carried-out.js';
import { patiently } from '../patience.js';

const CONCURRENCY = 4;
/** A dead supervisor's commands are taken up again by others within these two and one check more; each is harmless when repeated. */
const LOCK_MS = 5000;
const STALLED_CHECK_MS = 1000;
/** A command that brought its supervisor down this often is not tried again. */
const MAX_STALLED = 10;

const commands = supervisorQueue.jobs;

const Commanded = z.object({ agent: AgentIdentity });

/**
 * Typed commands from the queues: `placements` (an agent that lives nowhere yet; any supervisor takes it) and
 * this supervisor's own. The queue's name depends on the supervisor's id, so this cannot be a decorator.
 */
export class CommandsHandler {
  private readonly workers: Worker[];
  private readonly carriedOut = new CarriedOut();
  /** What this supervisor does for each of its queues. */
  readonly consumers: readonly Consumer[];

  constructor(
    private readonly agents: AgentsService,
    private readonly supervisorId: string,
    private readonly redis: Redis,
    private readonly envelopes: Envelopes,
    private readonly audit: Auditor,
  ) {
    const options = { name: supervisorId, connection: redis, prefix: QUEUE_PREFIX, concurrency: CONCURRENCY, autorun: false, lockDuration: LOCK_MS, stalledInterval: STALLED_CHECK_MS, maxStalledCount: MAX_STALLED };
    const served = [PLACEMENTS_QUEUE, supervisorQueueName(supervisorId)].map((queue) => {
      const load = { active: 0, begun: 0 };
      const worker = new Worker(queue, (job) => counted(load, () => this.handle(job)), options);
      worker.on('error', () => undefined);
      return { worker, consumer: { queue, hasRoom: () => load.active < CONCURRENCY, begun: () => load.begun } };
    });
    this.workers = served.map(({ worker }) => worker);
    this.consumers = served.map(({ consumer }) => consumer);
  }

  /** Takes up what a predecessor of the same name was killed at, without waiting for its hold to end. */
  async start(): Promise<void> {
    for (const worker of this.workers) {
      await this.release(worker.name);
      void worker.run();
    }
  }

  get isRunning(): boolean {
    return this.workers.every((worker) => worker.isRunning());
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
  }

  private async release(name: string): Promise<void> {
    const queue = new Queue(name, { connection: this.redis, prefix: QUEUE_PREFIX });
    queue.on('error', () => undefined);
    const held = (await queue.getActive()).filter(({ processedBy }) => processedBy === this.supervisorId);
    for (const { id = '' } of held) await this.redis.del(queue.toKey(`${id}:lock`));
    await queue.close();
  }

  private async handle(job: Job): Promise<unknown> {
    try {
      this.assertSigned(job);
      const action = resultAction(job.queueName, job.name, job.id ?? '', job.data);
      const result = await this.carriedOut.once(action, () => patiently(() => this.execute(job.name, job.data)));
      return this.envelopes.seal(action, result, ENVELOPE_LIFETIMES_MS.result);
    } catch (error) {
      throw jobFailure(error);
    }
  }

  /** Throws for a command that neither a worker nor an edge has signed for this job. */
  private assertSigned({ queueName, name, id = '', data }: Job<unknown>): void {
    const flaw = this.envelopes.flaw(commandAction(queueName, name, id), data, ['worker', 'mcp-edge']);
    if (flaw === undefined) return;
    const { agent } = Commanded.safeParse(data).data ?? {};
    this.audit.record({ action: 'envelope.refused', outcome: 'refused', tenant: agent?.tenant, agentId: agent?.agentId, detail: { what: 'command', queue: queueName, command: name, flaw } });
    throw new AppError('not_authentic', `The command "${name}" in Redis has no signature of a worker or an edge (${flaw}). They need keys of one set (ENVELOPE_KEYS_DIR); look also at who can write to Redis.`);
  }

  private async execute(name: string, data: unknown): Promise<object> {
    switch (name) {
      case 'ensure':
        return this.ensure(data);
      case 'stop':
        return { stopped: await this.agents.stop(commands.stop.payload.parse(data).agent) };
      case 'remove':
        return { removed: await this.agents.remove(commands.remove.payload.parse(data).agent) };
      case 'usage':
        return this.agents.usage(commands.usage.payload.parse(data).agent);
      default:
        throw new UnrecoverableError(`This supervisor knows no command "${name}".`);
    }
  }

  private ensure(data: unknown): Promise<Placement> {
    const { agent, correlationId, ...wanted } = placementsQueue.jobs.ensure.payload.parse(data);
    return this.agents.ensure(agent, wanted, correlationId);
  }
}

async function counted<Result>(load: { active: number; begun: number }, work: () => Promise<Result>): Promise<Result> {
  load.active += 1;
  load.begun += 1;
  try {
    return await work();
  } finally {
    load.active -= 1;
  }
}
