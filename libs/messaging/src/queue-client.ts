import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, ErrorBody, type JobName, type JobPayload, type JobResult, type QueueDefinition, toErrorBody } from '@codex-mcp/contracts';
import { type Job, Queue, QueueEvents } from 'bullmq';
import { z } from 'zod';
import type { Redis } from 'ioredis';
import { ENVELOPE_LIFETIMES_MS, Envelopes } from './envelopes/envelopes.js';
import { KEEP_FINISHED } from './finished-jobs.js';
import { QUEUE_PREFIX } from './keys.js';

/** How often an answer is looked for beside the events that tell of it: after a freeze or an outage none may come any more. */
const LOOK_MS = 1000;

/** Events that a new client reads through; far more than can be under way at once. */
const MAX_EVENTS = 500;

/** Sends commands of a queue definition and waits for their answers. */
export class QueueClient<Definition extends QueueDefinition> {
  private readonly queue: Queue;
  private readonly events: QueueEvents;
  private readonly eventsConnection: Redis;

  constructor(
    private readonly definition: Definition,
    private readonly name: string,
    redis: Redis,
    private readonly envelopes = Envelopes.none,
  ) {
    this.queue = new Queue(name, { connection: redis, prefix: QUEUE_PREFIX, streams: { events: { maxLen: MAX_EVENTS } } });
    this.eventsConnection = redis.duplicate({ maxRetriesPerRequest: null, commandTimeout: undefined });
    // From the beginning: BullMQ's default, "what comes from now on", misses what is written between two of its reads.
    this.events = new QueueEvents(name, { connection: this.eventsConnection, prefix: QUEUE_PREFIX, lastEventId: '0-0' });
    this.events.setMaxListeners(0);
    this.queue.on('error', () => undefined);
    this.events.on('error', () => undefined);
  }

  /** Rejects with the AppError that the handler threw, or `service_unavailable` when nobody answered in time. */
  async request<Name extends JobName<Definition>>(name: Name, payload: JobPayload<Definition, Name>, timeoutMs: number): Promise<JobResult<Definition, Name>> {
    const jobId = randomUUID();
    const job = await this.queue.add(name, this.envelopes.seal(commandAction(this.name, name, jobId), payload as object, timeoutMs + ENVELOPE_LIFETIMES_MS.result), { ...KEEP_FINISHED, jobId });
    const settled = new AbortController();
    try {
      const result: unknown = await Promise.race([job.waitUntilFinished(this.events, timeoutMs), this.lookFor(jobId, settled.signal)]);
      const flaw = this.envelopes.flaw(resultAction(this.name, name, jobId, payload), result, ['supervisor']);
      if (flaw !== undefined) throw new ForgedAnswer(flaw, `${this.name}/${name}`);
      return this.definition.jobs[name]?.result.parse(result) as JobResult<Definition, Name>;
    } catch (error) {
      throw await this.failure(name, error, () => job.remove());
    } finally {
      settled.abort();
    }
  }

  /** The job's own answer; rejects with what its handler threw. Never settles after `signal`. */
  private async lookFor(jobId: string, signal: AbortSignal): Promise<unknown> {
    for (;;) {
      await delay(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return new Promise(() => undefined);
      const job: Job | undefined = await this.queue.getJob(jobId).catch(() => undefined);
      if (job?.finishedOn === undefined) continue;
      if (job.failedReason) throw new Error(job.failedReason);
      return job.returnvalue;
    }
  }

  private async failure(name: string, error: unknown, withdraw: () => Promise<void>): Promise<AppError> {
    if (error instanceof ForgedAnswer) return error.toAppError();
    const message = error instanceof Error ? error.message : '';
    const body = ErrorBody.safeParse(parseJson(message));
    if (body.success) return AppError.from(body.data);
    await withdraw().catch(() => undefined);
    return new AppError('service_unavailable', `No answer to "${name}" from ${this.queue.name} in time. Is a supervisor running?`, { cause: error });
  }

  async close(): Promise<void> {
    await Promise.all([this.queue.close(), this.events.close()]);
    this.eventsConnection.disconnect(); // BullMQ closes only connections that it made itself
  }
}

/** What a command is signed for: one job of a queue, by its name. */
export const commandAction = (queue: string, name: string, jobId: string): string => `command ${queue} ${name} ${jobId}`;

/** What its answer is signed for: that job, to one agent. */
export function resultAction(queue: string, name: string, jobId: string, payload: unknown): string {
  const { agent } = Commanded.parse(payload);
  return `result ${queue} ${name} ${jobId} ${agent.key}`;
}

const Commanded = z.object({ agent: z.object({ key: z.string() }) });

class ForgedAnswer extends Error {
  constructor(
    flaw: string,
    private readonly command: string,
  ) {
    super(flaw);
  }

  toAppError(): AppError {
    return new AppError('not_authentic', `The answer to ${this.command} in Redis is not its supervisor's (${this.message}). Look at who can write to Redis; supervisors and workers need keys of one set (ENVELOPE_KEYS_DIR).`);
  }
}

/** What a queue handler throws so that the asker gets the AppError back. */
export function jobFailure(error: unknown): Error {
  return new Error(JSON.stringify(toErrorBody(error)), { cause: error });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
