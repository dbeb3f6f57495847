import { ApprovalJob, APPROVALS_QUEUE, type ApprovalRecord } from '@codex-mcp/contracts';
import { ApprovalStore, createRedis, QUEUE_PREFIX } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { EdgeConfig } from '../../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../../edge.tokens.js';
import { approvalView } from '../approval-desk.service.js';
import type { Webhook } from './webhook.config.js';
import { signatureOf } from './webhook-signature.js';

const LOOK_MS = 1000;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_BACKOFF_MS = 30_000;
/** Until the approval is closed, whichever comes first. */
const MAX_ATTEMPTS = 10_000;
/** Longer than an approval is open: while its job is known, no replica adds another. */
const KEPT_S = 90_000;

const JOB_OPTIONS = { attempts: MAX_ATTEMPTS, backoff: { type: 'capped' }, removeOnComplete: { age: KEPT_S }, removeOnFail: { age: KEPT_S } };

const backoffMs = (attempt: number): number => Math.min(1000 * 2 ** (attempt - 1), MAX_BACKOFF_MS);

type Parts = { readonly redis: Redis; readonly queue: Queue<ApprovalJob>; readonly worker: Worker<ApprovalJob>; readonly looks: NodeJS.Timeout };

/** Announces approvals to APPROVAL_WEBHOOK_URL: each once, however many edges there are, and again until it is taken or the approval is closed. */
@Injectable()
export class ApprovalWebhook implements OnApplicationBootstrap, OnApplicationShutdown {
  private parts: Parts | undefined;
  /** Those that this process has added. */
  private added: ReadonlySet<string> = new Set();

  constructor(
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
    private readonly store: ApprovalStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const { approvalWebhook: webhook } = this.config;
    if (!webhook) return;
    const redis = createRedis(this.config.REDIS_URL.reveal()); // BullMQ waits without a limit, which those for callers do not
    const options = { connection: redis, prefix: QUEUE_PREFIX };
    const queue = new Queue<ApprovalJob>(APPROVALS_QUEUE, options);
    const worker = new Worker<ApprovalJob>(APPROVALS_QUEUE, (job) => this.announce(webhook, job), { ...options, concurrency: 10, settings: { backoffStrategy: backoffMs } });
    queue.on('error', () => undefined); // each command reports its own failure
    worker.on('error', () => undefined);
    const looks = setInterval(() => void this.look(queue).catch(() => undefined), LOOK_MS); // an outage; the next one comes
    this.parts = { redis, queue, worker, looks };
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.parts) return;
    const { redis, queue, worker, looks } = this.parts;
    clearInterval(looks);
    await Promise.allSettled([worker.close(), queue.close()]);
    redis.disconnect();
  }

  private async look(queue: Queue<ApprovalJob>): Promise<void> {
    const open = (await this.store.open()).map(({ approval }) => approval.approvalId);
    for (const approvalId of open) if (!this.added.has(approvalId)) await queue.add('announce', { approvalId }, { ...JOB_OPTIONS, jobId: approvalId });
    this.added = new Set(open);
  }

  /** Throws to be called again. */
  private async announce({ url, secret }: Webhook, { data, attemptsMade }: Job<ApprovalJob>): Promise<void> {
    const { approvalId } = ApprovalJob.parse(data);
    const record = await this.store.waiting(approvalId);
    if (!record) return; // it was answered, or its time is over
    const body = bodyOf(record);
    const headers = { 'content-type': 'application/json', 'x-codex-mcp-delivery': approvalId, 'x-codex-mcp-signature': signatureOf(secret, body, Date.now()) };
    const problem = await fetch(url.reveal(), { method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) }).then(refusalOf, failureOf);
    const { turnId, agent } = record.approval;
    this.logger[problem === undefined ? 'info' : 'warn']({ op: 'approval.webhook', approvalId, turnId, tenant: agent.tenant, attempt: attemptsMade + 1, ...(problem !== undefined && { problem }) }, 'approval.webhook');
    if (problem !== undefined) throw new Error(problem);
  }
}

const bodyOf = (record: ApprovalRecord): string => JSON.stringify({ type: 'approval_requested', approval: approvalView(record), answer: { method: 'POST', path: `/approvals/${record.approval.approvalId}` } });

async function refusalOf(response: Response): Promise<string | undefined> {
  await response.body?.cancel();
  return response.ok ? undefined : `it answered ${response.status}`;
}

/** Only what is known to hold nothing of the URL, which may be a secret. */
function failureOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : undefined;
  return `it could not be reached (${cause ?? (error instanceof Error ? error.name : 'unknown')})`;
}
