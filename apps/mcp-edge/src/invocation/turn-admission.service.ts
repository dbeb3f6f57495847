import { isDeepStrictEqual } from 'node:util';
import { type AgentIdentity, AppError, newTurnId, type ThreadSettings, type TurnRequest, type TurnStatus } from '@codex-mcp/contracts';
import { TurnDispatcher, TurnStore } from '@codex-mcp/messaging';
import { findTool, onlyLooks, openingOf, type QueuedTool } from '@codex-mcp/tools';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { EdgeConfig } from '../edge.config.js';
import { EDGE_CONFIG } from '../edge.tokens.js';
import { BudgetCheck } from './budget-check.service.js';
import type { Caller } from './invocation.js';
import { within } from './redis-outage.errors.js';
import { ServiceStatus } from './service-status.service.js';
import { unknownThread } from './thread.errors.js';
import { TurnCanceller } from './turn-canceller.service.js';
import { TurnError } from './turn.errors.js';

const STATUS_TIMEOUT_MS = 4500;

/** A caller whose request cannot be made durable by then is told so. */
const ADMISSION_TIMEOUT_MS = 5000;

/** Turns take minutes; that one of many has ended by then is likely enough. */
const RETRY_AFTER_S = 10;

const TurnArguments = z.record(z.string(), z.json());
const KeyArgument = z.object({ idempotency_key: z.string().optional() });
const ThreadArgument = z.object({ thread_id: z.string().optional() }).transform(({ thread_id: named }) => (named === undefined ? {} : { named }));

/** `args` are those that parseArguments made for the tool; a key among them is used before `idempotencyKey`. */
export type TurnCall = {
  readonly tool: QueuedTool;
  readonly args: unknown;
  readonly agent: AgentIdentity;
  readonly caller: Caller;
  readonly idempotencyKey?: string | undefined;
  /** It begins a conversation, with these settings. */
  readonly begins?: ThreadSettings;
  /** It leaves the workspace as it is, whatever its tool may do. */
  readonly readOnly?: boolean;
};

/** A durable turn: the new one, or the one that the call's idempotency key had named before. */
export type AdmittedTurn = { readonly request: TurnRequest; readonly threadId?: string | undefined; readonly status: TurnStatus; /** Turns of the agent before it. */ readonly position: number };

/** Makes calls durable turns. */
@Injectable()
export class TurnAdmission {
  constructor(
    private readonly status: ServiceStatus,
    private readonly turns: TurnStore,
    private readonly dispatcher: TurnDispatcher,
    private readonly canceller: TurnCanceller,
    private readonly budgets: BudgetCheck,
    @Inject(EDGE_CONFIG) private readonly config: EdgeConfig,
  ) {}

  /** Rejects with the AppError that a turn of this agent would meet anyway. */
  async assertCanRun(agent: AgentIdentity): Promise<void> {
    await within(STATUS_TIMEOUT_MS, this.status.assertTurnsCanRun(agent));
  }

  requestOf({ tool, args, agent, caller: { principal, correlationId, workspace }, idempotencyKey, begins, readOnly }: TurnCall): TurnRequest {
    const { idempotency_key: ownKey, ...own } = TurnArguments.parse(args);
    const key = KeyArgument.parse({ idempotency_key: ownKey }).idempotency_key ?? idempotencyKey;
    const thread = tool.kind === 'turn' ? { thread: { ...ThreadArgument.parse(own), opening: openingOf(tool, own), ...(begins && { fresh: begins }) } } : {};
    const names = principal === undefined ? {} : { principal };
    const limits = readOnly === true ? { access: 'read' as const } : {};
    const optional = { ...(key !== undefined && { idempotencyKey: key }), ...(workspace && { workspace: 'path' in workspace ? { path: workspace.path } : { hints: [...workspace.hints] } }) };
    return { turnId: newTurnId(), tool: tool.name, agent, ...names, arguments: own, ...thread, ...limits, correlationId, acceptedAtMs: Date.now(), ...optional };
  }

  /** Rejects with `budget_exceeded`, `queue_full`, `unknown_thread`, `idempotency_conflict` or `service_unavailable`. */
  admit(request: TurnRequest): Promise<AdmittedTurn> {
    return within(ADMISSION_TIMEOUT_MS, this.accept(request));
  }

  private async accept(request: TurnRequest): Promise<AdmittedTurn> {
    const { turnId, tool, agent, correlationId } = request;
    await this.assertAffordable(request);
    try {
      const { outcome, position, turnId: known, threadId } = await this.turns.accept(request, this.config.MAX_QUEUED_TURNS, this.config.MAX_UNFINISHED_TURNS);
      if (outcome === 'unknown_thread') throw unknownThread(agent);
      if (outcome === 'full') {
        throw new AppError('queue_full', `Agent "${agent.agentId}" already has ${position} unfinished turns. Wait for one, cancel one, or use another agent_id.`, { retryAfterS: RETRY_AFTER_S });
      }
      if (outcome === 'tenant_full') {
        throw new AppError('queue_full', `You already have ${position} unfinished turns of all your agents together (MAX_UNFINISHED_TURNS). Wait for some, or cancel some.`, { retryAfterS: RETRY_AFTER_S });
      }
      if (known !== turnId) return await this.join(request, known);
      await this.dispatcher.enqueue({ turnId, agentKey: agent.key, tool, correlationId }, position);
      // Where nobody hears of it, the turn waits for its place.
      if (position > 0 && onlyLooks(findTool(tool))) this.turns.send({ action: 'look', turnId, agentKey: agent.key }).catch(() => undefined);
      return { request, threadId, status: 'queued', position };
    } catch (error) {
      // Told as failed, it must not run after all, unless its caller can come back for it by its key; where this fails too, Redis is away and nobody runs it now.
      if (!(error instanceof AppError) && request.idempotencyKey === undefined) this.canceller.cancel(request).catch(() => undefined);
      throw error;
    }
  }

  /** A turn that is known by its key already is joined, whatever is spent. */
  private async assertAffordable({ tool, agent, idempotencyKey }: TurnRequest): Promise<void> {
    if (findTool(tool)?.kind !== 'turn') return;
    const problem = await this.budgets.problem(agent);
    if (problem && !(idempotencyKey !== undefined && (await this.turns.isKnown(agent.key, idempotencyKey)))) throw problem;
  }

  private async join(repeated: TurnRequest, turnId: string): Promise<AdmittedTurn> {
    const record = await this.turns.load(turnId);
    if (!record) throw new AppError('service_unavailable', `The turn of this idempotency_key, ${turnId}, is gone: Redis lost its data. Look at the workspace, then call with a new key.`);
    const { request, threadId, status } = record;
    if (request.tool !== repeated.tool || !isDeepStrictEqual(meaningOf(request), meaningOf(repeated))) {
      throw new TurnError(turnId, new AppError('idempotency_conflict', `This idempotency_key belongs to ${turnId}, a call of ${request.tool} with other arguments. Use a new key for another call.`));
    }
    await this.dispatcher.releaseHead(request.agent.key); // whoever accepted it may have died before its job was there
    return { request, threadId, status, position: Math.max(0, (await this.turns.unfinished(request.agent.key)).indexOf(turnId)) };
  }
}

/** What a call asks for; the agent is the same however it was chosen. */
const meaningOf = ({ arguments: { agent_id: _agent, ...rest } }: TurnRequest): unknown => rest;
