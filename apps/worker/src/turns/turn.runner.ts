import { AppError, type TerminalEvent, toErrorBody, type TurnEvent, type TurnJob, type TurnRequest } from '@codex-mcp/contracts';
import type { Lease, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { type Logger, operation } from '@codex-mcp/observability';
import { z } from 'zod';
import { TakenOverError } from './codex-turn.js';
import type { TurnExecution } from './turn-execution.js';
import { TurnLogWriter } from './turn-log.writer.js';
import type { TurnSteering } from './turn-steering.js';
import type { Deadlines, Stop, TurnStops } from './turn-stops.js';

const TimeLimit = z.object({ timeout_s: z.number().optional() });

/** What became of a job: `parked` ones must wait for the turns before them, `left` ones are for another worker. */
export type RunResult = 'done' | 'parked' | 'left';

type Run = { epoch: number; seq: number; attempts: number; startedAtMs: number; stop: Stop; shutdown: AbortSignal };

/** Takes a turn from its claim to its one terminal record. */
export class TurnRunner {
  constructor(
    private readonly turns: TurnStore,
    private readonly dispatcher: TurnDispatcher,
    private readonly execution: TurnExecution,
    private readonly stops: TurnStops,
    private readonly steering: TurnSteering,
    private readonly lease: Lease,
    private readonly logger: Logger,
    private readonly deadlines: Deadlines,
  ) {}

  /** `shutdown` aborts when this worker must end: the turn goes on in its agent and is left to whoever gets the job next. */
  async run(job: TurnJob, shutdown: AbortSignal): Promise<RunResult> {
    const claim = await this.turns.claim(job.turnId, job.agentKey, this.lease);
    if (claim.outcome === 'not_head') return 'parked';
    if (claim.outcome === 'claimed') {
      const { request, epoch, seq, attempts, startedAtMs } = claim;
      const stop = this.stops.watch(job.turnId, epoch, this.deadlinesOf(request, startedAtMs));
      try {
        if (claim.cancelRequested) stop.cancel();
        return await this.settle(request, { epoch, seq, attempts, startedAtMs, stop, shutdown });
      } finally {
        stop.end();
      }
    }
    await this.dispatcher.releaseHead(job.agentKey);
    return 'done';
  }

  /** What the call asked for, less what an earlier worker has used of it. */
  private deadlinesOf(request: TurnRequest, startedAtMs: number): Deadlines {
    const asked = TimeLimit.parse(request.arguments).timeout_s;
    const totalMs = asked === undefined ? this.deadlines.totalMs : asked * 1000;
    return { totalMs: totalMs - (Date.now() - startedAtMs), idleMs: this.deadlines.idleMs };
  }

  private settle(request: TurnRequest, run: Run): Promise<RunResult> {
    const { turnId, tool, agent, correlationId } = request;
    const fields = { turnId, tool, agent: agent.agentId, tenant: agent.tenant, correlationId, epoch: run.epoch, attempt: run.attempts };
    return operation(this.logger, 'turn.run', fields, async (add) => {
      const fence = new AbortController();
      const log = new TurnLogWriter(this.turns, request, run.epoch, run.seq, () => fence.abort(new TakenOverError()));
      const signal = AbortSignal.any([run.stop.signal, fence.signal]);
      const event = await unless(run.shutdown, this.outcome(request, run, log, signal));
      if (event === undefined) {
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
      const push = (event: TurnEvent) => {
        run.stop.alive();
        log.push(event);
      };
      const steering = this.steering.open(request.turnId, push);
      const options = { epoch: run.epoch, startedAtMs: run.startedAtMs, mayHaveBegun: run.attempts > 1, push, signal, onRunning: steering.ready };
      const output = await this.execution.run(request, options).finally(steering.close);
      return { type: 'completed', output };
    } catch (error) {
      const { aborted, reason } = run.stop.signal;
      if (aborted && reason instanceof AppError) return ending(reason);
      if (!(error instanceof AppError)) this.logger.error({ op: 'turn.run', turnId: request.turnId, err: error }, 'turn.run');
      return error instanceof AppError ? ending(error) : { type: 'failed', error: toErrorBody(error) };
    }
  }
}

/** What `work` brings, or undefined as soon as the signal aborts. */
async function unless<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result | undefined> {
  if (signal.aborted) return undefined;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<undefined>((resolve) => (onAbort = () => resolve(undefined)));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Each error of a turn in the kind of record that it makes. */
function ending(error: AppError): TerminalEvent {
  if (error.code === 'turn_cancelled') return { type: 'cancelled', error: error.toBody() };
  if (error.code === 'turn_interrupted') return { type: 'interrupted', error: error.toBody() };
  return { type: 'failed', error: error.toBody() };
}
