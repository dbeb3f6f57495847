import { AppError, isTerminalEvent, type TerminalEvent, type TurnEvent, type TurnRecord, type TurnRequest } from '@codex-mcp/contracts';
import { TurnLogReader, TurnStore } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import { Inject, Injectable } from '@nestjs/common';
import { ApprovalQuestions } from '../approvals/approval-questions.service.js';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG, LOGGER } from '../edge.tokens.js';
import type { Invocation } from './invocation.js';
import { type AdmittedTurn, TurnAdmission } from './turn-admission.service.js';
import { TurnCanceller } from './turn-canceller.service.js';
import { TurnProgress } from './turn-progress.js';
import { TurnWatch } from './turn-watch.js';
import { TurnError } from './turn.errors.js';

type RunOptions = Pick<Invocation, 'onProgress' | 'signal' | 'handleAfterMs' | 'ask' | 'caller'>;

/** How far a turn was followed; `output` is there when it completed, `pending` when its caller waits no longer. */
export type FollowedTurn = { readonly request: TurnRequest; readonly threadId: string | undefined } & ({ readonly output: Extract<TerminalEvent, { type: 'completed' }>['output'] } | { readonly pending: 'queued' | 'running' });

/** Runs turns: queue the request, follow its log, answer with its end. */
@Injectable()
export class TurnRunner {
  private readonly watches = new Map<TurnWatch, string>();

  constructor(
    private readonly turns: TurnStore,
    private readonly reader: TurnLogReader,
    private readonly admission: TurnAdmission,
    private readonly canceller: TurnCanceller,
    private readonly questions: ApprovalQuestions,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Rejects with the AppError that kept the turn from being accepted, or as a TurnError with the one that it ended with. */
  run(request: TurnRequest, options: RunOptions): Promise<FollowedTurn> {
    // Followed while it is being accepted; with a key it may turn out to be an earlier turn.
    return this.follow(request.idempotencyKey === undefined ? request.turnId : undefined, this.admission.admit(request), options);
  }

  /** Follows a turn that was begun before. Rejects as a TurnError with the error that it ended with. */
  rejoin({ request, threadId }: TurnRecord, options: RunOptions): Promise<FollowedTurn> {
    return this.follow(request.turnId, Promise.resolve({ request, threadId }), options);
  }

  private async follow(turnId: string | undefined, admission: Promise<Pick<AdmittedTurn, 'request' | 'threadId'>>, options: RunOptions): Promise<FollowedTurn> {
    const { onProgress, handleAfterMs } = options;
    const handleDue = handleAfterMs === undefined ? undefined : due(handleAfterMs);
    const progress = onProgress && new TurnProgress(onProgress, this.config.PROGRESS_INTERVAL);
    const questions = this.questions.of(options, () => handleDue?.now()); // a silent caller is to know of them
    const onEvent = (id: string, event: TurnEvent) => {
      progress?.observe(event);
      questions.observe(id, event);
    };
    const watching = (id: string) => new TurnWatch(this.reader, id, (event) => onEvent(id, event)).start();
    let watch = turnId === undefined ? undefined : watching(turnId);
    try {
      const { request: admitted, threadId } = await admission;
      watch ??= watching(admitted.turnId);
      const end = await this.attend(admitted, watch, progress, options.signal, [questions.interrupted, ...(handleDue ? [handleDue.passed] : [])]);
      if ('pending' in end) return { request: admitted, threadId, pending: end.pending };
      if (end.type !== 'completed') throw new TurnError(admitted.turnId, AppError.from(end.error));
      return { request: admitted, threadId, output: end.output };
    } finally {
      handleDue?.clear();
      questions.withdraw();
      progress?.close();
      watch?.stop();
    }
  }

  /** Answers all who still wait, because this process ends; their turns go on. */
  abandon(): void {
    for (const [watch, turnId] of this.watches) {
      watch.giveUp(new TurnError(turnId, new AppError('service_unavailable', `This server is restarting. ${turnId} goes on without this connection: get its result with get_turn instead of repeating the call.`)));
    }
  }

  private async attend(request: TurnRequest, watch: TurnWatch, progress: TurnProgress | undefined, signal: AbortSignal | undefined, otherwise: Promise<void>[]) {
    const { turnId } = request;
    const checkUps = setInterval(() => void this.checkUp(request, watch, progress), this.config.PROGRESS_INTERVAL);
    const cancel = () => void this.canceller.cancel(request).catch((error: unknown) => this.logger.warn({ err: error, turnId }, 'cancel failed'));
    this.watches.set(watch, turnId);
    try {
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      const end = await Promise.race([watch.ended(), ...otherwise]);
      return end ?? (await this.standing(turnId));
    } catch (error) {
      throw error instanceof AppError && !(error instanceof TurnError) ? new TurnError(turnId, error) : error;
    } finally {
      signal?.removeEventListener('abort', cancel);
      clearInterval(checkUps);
      this.watches.delete(watch);
    }
  }

  /** Where the turn stands when its caller is given a handle, unless it has just ended. */
  private async standing(turnId: string): Promise<TerminalEvent | { pending: 'queued' | 'running' }> {
    const record = await this.turns.load(turnId).catch(() => undefined);
    const event = record?.terminal?.event;
    if (event && isTerminalEvent(event)) return event;
    return { pending: record?.status === 'queued' ? 'queued' : 'running' };
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

/** Passes after a time, or `now`. */
function due(afterMs: number): { passed: Promise<void>; now: () => void; clear: () => void } {
  let now: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (now = resolve));
  const timer = setTimeout(now, afterMs);
  return { passed, now, clear: () => clearTimeout(timer) };
}
