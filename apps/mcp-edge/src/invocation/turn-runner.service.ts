import { AppError, type TurnRequest } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import { TurnDispatcher, TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import type { JsonObject } from '@codex-mcp/tools';
import { Inject, Injectable } from '@nestjs/common';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../edge.tokens.js';
import type { Invocation } from './invocation.js';
import { within } from './redis-outage.errors.js';
import { TurnCanceller } from './turn-canceller.service.js';
import { TurnProgress } from './turn-progress.js';
import { TurnWatch } from './turn-watch.js';

/** A caller whose request cannot be made durable by then is told so. */
const ADMISSION_TIMEOUT_MS = 5000;

type RunOptions = Pick<Invocation, 'onProgress' | 'signal'>;

/** Runs turns: queue the request, follow its log, answer with its end. */
@Injectable()
export class TurnRunner {
  private readonly watches = new Map<TurnWatch, string>();

  constructor(
    private readonly turns: TurnStore,
    private readonly reader: TurnLogReader,
    private readonly dispatcher: TurnDispatcher,
    private readonly canceller: TurnCanceller,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Resolves with the output of the completed turn; rejects with the AppError that it ended with. */
  async run(request: TurnRequest, { onProgress, signal }: RunOptions): Promise<JsonObject> {
    const progress = onProgress && new TurnProgress(onProgress, this.config.PROGRESS_INTERVAL);
    const watch = new TurnWatch(this.reader, request.turnId, (event) => progress?.observe(event)).start();
    const checkUps = setInterval(() => void this.checkUp(request, watch, progress), this.config.PROGRESS_INTERVAL);
    const cancel = () => void this.canceller.cancel(request).catch((error: unknown) => this.logger.warn({ err: error, turnId: request.turnId }, 'cancel failed'));
    try {
      await within(ADMISSION_TIMEOUT_MS, this.admit(request));
      this.watches.set(watch, request.turnId);
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      const end = await watch.ended();
      if (end.type !== 'completed') throw AppError.from(end.error);
      return end.output;
    } finally {
      signal?.removeEventListener('abort', cancel);
      clearInterval(checkUps);
      this.watches.delete(watch);
      progress?.close();
      watch.stop();
    }
  }

  /** Answers all who still wait, because this process ends; their turns go on. */
  abandon(): void {
    for (const [watch, turnId] of this.watches) {
      watch.giveUp(new AppError('service_unavailable', `This server is restarting. ${turnId} goes on without this connection: look at get_my_session_info before you repeat the call.`));
    }
  }

  private async admit(request: TurnRequest): Promise<void> {
    const { turnId, tool, agent, correlationId } = request;
    try {
      const { outcome, position } = await this.turns.accept(request, this.config.MAX_QUEUED_TURNS);
      if (outcome === 'full') {
        throw new AppError('queue_full', `Agent "${agent.agentId}" already has ${position} unfinished turns. Wait for one, cancel one, or use another agent_id.`);
      }
      await this.dispatcher.enqueue({ turnId, agentKey: agent.key, tool, correlationId }, position);
    } catch (error) {
      // Told as failed, it must not run after all; where this fails too, Redis is away and nobody runs it now.
      if (!(error instanceof AppError)) this.canceller.cancel(request).catch(() => undefined);
      throw error;
    }
  }

  private async checkUp(request: TurnRequest, watch: TurnWatch, progress: TurnProgress | undefined): Promise<void> {
    try {
      await watch.checkUp(this.turns);
      if (!progress?.isWaiting) return;
      const position = (await this.turns.unfinished(request.agent.key)).indexOf(request.turnId);
      if (position >= 0) progress.queuedBehind(position);
    } catch (error) {
      this.logger.debug({ err: error, turnId: request.turnId }, 'check-up failed'); // an outage; the next one comes
    }
  }
}
