import { AppError, type TerminalEvent, toErrorBody, type TurnJob, type TurnRequest } from '@codex-mcp/contracts';
import type { Lease, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { type Logger, operation } from '@codex-mcp/observability';
import type { TurnCancellations } from './turn-cancellations.js';
import type { TurnExecution } from './turn-execution.js';
import { TurnLogWriter } from './turn-log.writer.js';

export type TurnRunnerOptions = { turnTimeoutMs: number };

/** What became of a job: `parked` ones must wait for the turns before them. */
export type RunResult = 'done' | 'parked';

type Run = { epoch: number; seq: number; attempts: number; startedAtMs: number; stop: AbortSignal; shutdown: AbortSignal };

/** Takes a turn from its claim to its one terminal record. */
export class TurnRunner {
  constructor(
    private readonly turns: TurnStore,
    private readonly dispatcher: TurnDispatcher,
    private readonly execution: TurnExecution,
    private readonly cancellations: TurnCancellations,
    private readonly lease: Lease,
    private readonly logger: Logger,
    private readonly options: TurnRunnerOptions,
  ) {}

  /** `shutdown` aborts when this worker must end: the turn is then left to whoever gets the job next. */
  async run(job: TurnJob, shutdown: AbortSignal): Promise<RunResult> {
    const claim = await this.turns.claim(job.turnId, job.agentKey, this.lease);
    if (claim.outcome === 'not_head') return 'parked';
    if (claim.outcome === 'claimed') {
      const { request, epoch, seq, attempts, startedAtMs } = claim;
      const stop = this.cancellations.watch(job.turnId, this.options.turnTimeoutMs);
      try {
        if (claim.cancelRequested) stop.cancel();
        await this.settle(request, { epoch, seq, attempts, startedAtMs, stop: stop.signal, shutdown });
      } finally {
        stop.end();
      }
    } else await this.dispatcher.releaseHead(job.agentKey);
    return 'done';
  }

  private settle(request: TurnRequest, run: Run): Promise<void> {
    const { turnId, tool, agent, correlationId } = request;
    const fields = { turnId, tool, agent: agent.agentId, tenant: agent.tenant, correlationId, epoch: run.epoch, attempt: run.attempts };
    return operation(this.logger, 'turn.run', fields, async (add) => {
      const fence = new AbortController();
      const log = new TurnLogWriter(this.turns, request, run.epoch, run.seq, () => fence.abort(new Error('another worker has taken this turn over')));
      const signal = AbortSignal.any([run.stop, fence.signal]);
      const event = await this.outcome(request, run, log, signal);
      run.shutdown.throwIfAborted();
      const { outcome, next } = await log.finish(event);
      add({ result: event.type, record: outcome, ...('error' in event && { code: event.error.code, reason: event.error.message }) });
      if (next !== undefined) await this.dispatcher.releaseHead(agent.key);
    });
  }

  private async outcome(request: TurnRequest, run: Run, log: TurnLogWriter, signal: AbortSignal): Promise<TerminalEvent> {
    try {
      const output = await this.execution.run(request, { epoch: run.epoch, startedAtMs: run.startedAtMs, mayHaveBegun: run.attempts > 1, push: (event) => log.push(event), signal });
      return { type: 'completed', output };
    } catch (error) {
      if (run.stop.aborted && run.stop.reason instanceof AppError) return ending(run.stop.reason);
      if (!(error instanceof AppError)) this.logger.error({ op: 'turn.run', turnId: request.turnId, err: error }, 'turn.run');
      return error instanceof AppError ? ending(error) : { type: 'failed', error: toErrorBody(error) };
    }
  }
}

/** Each error of a turn in the kind of record that it makes. */
function ending(error: AppError): TerminalEvent {
  if (error.code === 'turn_cancelled') return { type: 'cancelled', error: error.toBody() };
  if (error.code === 'turn_interrupted') return { type: 'interrupted', error: error.toBody() };
  return { type: 'failed', error: error.toBody() };
}
