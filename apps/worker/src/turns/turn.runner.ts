import { AppError, type TerminalEvent, toErrorBody, type TurnJob, type TurnRequest } from '@codex-mcp/contracts';
import type { Lease, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { type Logger, operation } from '@codex-mcp/observability';
import type { TurnStops } from './turn-stops.js';
import type { TurnExecution } from './turn-execution.js';
import { TurnLogWriter } from './turn-log.writer.js';

export type TurnRunnerOptions = { turnTimeoutMs: number };

/** What became of a job: `parked` ones must wait for the turns before them, `left` ones are for another worker. */
export type RunResult = 'done' | 'parked' | 'left';

type Run = { epoch: number; seq: number; attempts: number; startedAtMs: number; stop: AbortSignal; shutdown: AbortSignal };

/** Takes a turn from its claim to its one terminal record. */
export class TurnRunner {
  constructor(
    private readonly turns: TurnStore,
    private readonly dispatcher: TurnDispatcher,
    private readonly execution: TurnExecution,
    private readonly stops: TurnStops,
    private readonly lease: Lease,
    private readonly logger: Logger,
    private readonly options: TurnRunnerOptions,
  ) {}

  /** `shutdown` aborts when this worker must end: the turn goes on in its agent and is left to whoever gets the job next. */
  async run(job: TurnJob, shutdown: AbortSignal): Promise<RunResult> {
    const claim = await this.turns.claim(job.turnId, job.agentKey, this.lease);
    if (claim.outcome === 'not_head') return 'parked';
    if (claim.outcome === 'claimed') {
      const { request, epoch, seq, attempts, startedAtMs } = claim;
      const stop = this.stops.watch(job.turnId, this.options.turnTimeoutMs);
      try {
        if (claim.cancelRequested) stop.cancel();
        return await this.settle(request, { epoch, seq, attempts, startedAtMs, stop: stop.signal, shutdown });
      } finally {
        stop.end();
      }
    }
    await this.dispatcher.releaseHead(job.agentKey);
    return 'done';
  }

  private settle(request: TurnRequest, run: Run): Promise<RunResult> {
    const { turnId, tool, agent, correlationId } = request;
    const fields = { turnId, tool, agent: agent.agentId, tenant: agent.tenant, correlationId, epoch: run.epoch, attempt: run.attempts };
    return operation(this.logger, 'turn.run', fields, async (add) => {
      const fence = new AbortController();
      const log = new TurnLogWriter(this.turns, request, run.epoch, run.seq, () => fence.abort(new Error('another worker has taken this turn over')));
      const signal = AbortSignal.any([run.stop, fence.signal]);
      const event = await Promise.race([this.outcome(request, run, log, signal), aborted(run.shutdown)]);
      if (event === undefined || run.shutdown.aborted) {
        add({ result: 'left' });
        return 'left';
      }
      const { outcome, next } = await log.finish(event);
      add({ result: event.type, record: outcome, ...('error' in event && { code: event.error.code, reason: event.error.message }) });
      if (next !== undefined) await this.dispatcher.releaseHead(agent.key);
      return 'done';
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

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => (signal.aborted ? resolve(undefined) : signal.addEventListener('abort', () => resolve(undefined), { once: true })));

/** Each error of a turn in the kind of record that it makes. */
function ending(error: AppError): TerminalEvent {
  if (error.code === 'turn_cancelled') return { type: 'cancelled', error: error.toBody() };
  if (error.code === 'turn_interrupted') return { type: 'interrupted', error: error.toBody() };
  return { type: 'failed', error: error.toBody() };
}
