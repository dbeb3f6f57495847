import { AppError, type TerminalEvent, toErrorBody, type TurnEvent, type TurnJob, type TurnRequest } from '@codex-mcp/contracts';
import type { Claim, Lease, TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { type Auditor, type Logger, operation } from '@codex-mcp/observability';
import { findTool } from '@codex-mcp/tools';
import { z } from 'zod';
import { unlessAborted } from './abort.js';
import { TakenOverError } from '../agents/taken-over.errors.js';
import type { LooksBeside } from './looks-beside.js';
import type { TurnApprovals } from './turn-approvals.js';
import type { ExecutionOptions, TurnExecution } from './turn-execution.js';
import { TurnLogWriter } from './turn-log.writer.js';
import type { TurnSteering } from './turn-steering.js';
import type { TurnWaits } from './turn-waits.js';
import type { Deadlines, Stop, TurnStops } from './turn-stops.js';

const TimeLimit = z.object({ timeout_s: z.number().optional() });

/** What became of a job: `parked` ones must wait for the turns before them, `left` ones are for another worker. */
export type RunResult = 'done' | 'parked' | 'left';

/** A turn that brought its worker down this often is not tried again. */
const MAX_ATTEMPTS = 10;
const EXHAUSTED = new AppError('turn_interrupted', `The turn was taken up ${MAX_ATTEMPTS} times and lost its worker each time. Look at what it left in the workspace, then call again.`);
const FORGED = new AppError('not_authentic', 'What was asked stands in Redis without the signature of an edge for this turn: an earlier version or one without keys accepted it, it waited for more than 7 days, or somebody else has written it. Call again; where you did not upgrade, look at who can write to Redis.');
const UNREADABLE = new AppError('internal', 'This version cannot read what was asked. Call again.');

type Claimed = Extract<Claim, { outcome: 'claimed' }>;
type Run = { threadId: string | undefined; epoch: number; seq: number; attempts: number; startedAtMs: number; stop: Stop; shutdown: AbortSignal; fence: AbortController; /** It only looks, while another turn of its agent is at work. */ isBeside: boolean; /** Codex has the turn in its history. */ begun: boolean };

/** Takes a turn from its claim to its one terminal record. */
export class TurnRunner {
  private readonly running = new Map<string, { fence: AbortController; ended: Promise<unknown> }>();

  constructor(
    private readonly turns: TurnStore,
    private readonly dispatcher: TurnDispatcher,
    private readonly execution: TurnExecution,
    private readonly stops: TurnStops,
    private readonly steering: TurnSteering,
    private readonly waits: TurnWaits,
    private readonly approvals: TurnApprovals,
    private readonly looks: LooksBeside,
    private readonly lease: Lease,
    private readonly logger: Logger,
    private readonly audit: Auditor,
    private readonly deadlines: Deadlines,
  ) {}

  /** `shutdown` aborts when this worker must end: the turn goes on in its agent and is left to whoever gets the job next. */
  async run(job: TurnJob, shutdown: AbortSignal): Promise<RunResult> {
    const claim = await this.turns.claim(job.turnId, job.agentKey, this.lease, findTool(job.tool)?.kind === 'turn');
    if (claim.outcome === 'not_head') return 'parked';
    if (claim.outcome === 'claimed' && claim.attempts <= MAX_ATTEMPTS) return this.begin(claim, shutdown);
    if (claim.outcome === 'claimed') await this.giveUp(job, claim, EXHAUSTED);
    if (claim.outcome === 'forged') {
      this.audit.record({ action: 'envelope.refused', outcome: 'refused', turnId: job.turnId, correlationId: job.correlationId, detail: { what: 'turn', flaw: claim.flaw, agentKey: job.agentKey, tool: job.tool } });
      await this.giveUp(job, claim, FORGED);
    }
    if (claim.outcome === 'unreadable') await this.giveUp(job, claim, UNREADABLE);
    await this.dispatcher.releaseHead(job.agentKey);
    return 'done';
  }

  private async begin(claim: Claimed, shutdown: AbortSignal, isBeside = false): Promise<RunResult> {
    const { request, attempts, startedAtMs } = claim;
    const fence = new AbortController();
    await this.supersede(request.turnId);
    const stop = this.stops.watch(request.turnId, attempts, this.deadlinesOf(request, startedAtMs));
    if (claim.cancelRequested) stop.cancel();
    // A cancellation that was announced since the claim may have come before this worker listened for it.
    else void this.turns.isCancelRequested(request.turnId).then((isRequested) => isRequested && stop.cancel(), () => undefined);
    const ended = this.settle(request, { ...claim, stop, shutdown, fence, isBeside, begun: false }).finally(() => {
      stop.end();
      if (this.running.get(request.turnId)?.fence === fence) this.running.delete(request.turnId);
    });
    this.running.set(request.turnId, { fence, ended });
    return ended;
  }

  /** This worker may itself still run the turn that it was given anew, when it could not renew its hold in time. */
  private async supersede(turnId: string): Promise<void> {
    const earlier = this.running.get(turnId);
    earlier?.fence.abort(new TakenOverError());
    await earlier?.ended.catch(() => undefined);
  }

  private async giveUp(job: TurnJob, claim: { attempts: number; seq: number }, error: AppError): Promise<void> {
    this.logger.error({ op: 'turn.give_up', turnId: job.turnId, agentKey: job.agentKey, attempt: claim.attempts, reason: error.message }, 'turn.give_up');
    await this.turns.finish({ turnId: job.turnId, agent: { key: job.agentKey } }, claim.attempts, claim.seq + 1, ending(error));
  }

  /** What the call asked for, less what an earlier worker has used of it. */
  private deadlinesOf(request: TurnRequest, startedAtMs: number): Deadlines {
    const asked = TimeLimit.parse(request.arguments).timeout_s;
    const totalMs = asked === undefined ? this.deadlines.totalMs : asked * 1000;
    return { totalMs: totalMs - (Date.now() - startedAtMs), idleMs: this.deadlines.idleMs };
  }

  private settle(request: TurnRequest, run: Run): Promise<RunResult> {
    const { turnId, tool, agent, correlationId } = request;
    const fields = { turnId, tool, agent: agent.agentId, tenant: agent.tenant, correlationId, epoch: run.epoch, attempt: run.attempts, ...(run.isBeside && { beside: true }) };
    return operation(this.logger, 'turn.run', fields, async (add) => {
      const log = new TurnLogWriter(this.turns, request, run.attempts, run.seq, () => run.fence.abort(new TakenOverError()));
      const signal = AbortSignal.any([run.stop.signal, run.fence.signal]);
      const event = await unlessAborted(run.shutdown, run.isBeside ? this.outcomeBeside(request, run, signal) : this.outcome(request, run, log, signal)).catch(() => undefined);
      if (event === undefined) {
        if (run.isBeside) await this.leaveBeside(turnId, run);
        add({ result: 'left' });
        return 'left';
      }
      const { outcome, next } = await log.finish(event, run.begun);
      const code = 'error' in event ? event.error.code : undefined;
      this.audit.record({ action: 'turn.ended', outcome: event.type === 'completed' ? 'ok' : 'failed', tenant: agent.tenant, agentId: agent.agentId, turnId, correlationId, detail: { tool, result: event.type, code, record: outcome } });
      add({ result: event.type, record: outcome, ...('error' in event && { code: event.error.code, reason: event.error.message }) });
      if (run.isBeside) await this.dispatcher.retire(turnId);
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
      const waits = this.waits.open(request.agent.key, push, run.stop);
      const approvals = this.approvals.open(request, run.attempts, push, run.stop);
      const looks = this.looks.open(request.agent.key, (claim) => this.begin(claim, run.shutdown, true), run.shutdown);
      const onBegun = () => void (run.begun = true);
      const onRunning: ExecutionOptions['onRunning'] = (steer) => {
        steering.ready(steer);
        looks.ready();
      };
      const options = { threadId: run.threadId, epoch: run.epoch, startedAtMs: run.startedAtMs, mayHaveBegun: run.attempts > 1, push, signal, stop: run.stop, onBegun, onRunning, approvals };
      const output = await this.execution.run(request, options).finally(() => {
        looks.close();
        steering.close();
        waits.close();
        approvals.close();
      });
      return { type: 'completed', output };
    } catch (error) {
      return this.failure(request, run, error);
    }
  }

  /** Undefined where it has to wait for its place after all. */
  private async outcomeBeside(request: TurnRequest, run: Run, signal: AbortSignal): Promise<TerminalEvent | undefined> {
    try {
      const output = await unlessAborted(signal, this.looks.answer(request, run.startedAtMs, signal));
      return output && { type: 'completed', output };
    } catch (error) {
      return this.failure(request, run, error);
    }
  }

  /** What runs for it in the agent ends, and it waits for its place as before. */
  private async leaveBeside(turnId: string, { fence, attempts }: Run): Promise<void> {
    fence.abort(new TakenOverError());
    await this.turns.leave(turnId, attempts).catch(() => undefined); // the next attempt counts in any case
  }

  private failure({ turnId }: TurnRequest, { stop }: Run, error: unknown): TerminalEvent {
    const { aborted, reason } = stop.signal;
    if (aborted && reason instanceof AppError) return ending(reason);
    if (!(error instanceof AppError)) this.logger.error({ op: 'turn.run', turnId, err: error }, 'turn.run');
    return error instanceof AppError ? ending(error) : { type: 'failed', error: toErrorBody(error) };
  }
}

/** Each error of a turn in the kind of record that it makes. */
function ending(error: AppError): TerminalEvent {
  if (error.code === 'turn_cancelled') return { type: 'cancelled', error: error.toBody() };
  if (error.code === 'turn_interrupted') return { type: 'interrupted', error: error.toBody() };
  return { type: 'failed', error: error.toBody() };
}
