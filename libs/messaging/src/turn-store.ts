import { agentKey as keyOfAgent, newThreadId, type TerminalEvent, type TurnCommand, TurnEvent, TurnRecord, TurnRequest, TurnStatus } from '@codex-mcp/contracts';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { ENVELOPE_LIFETIMES_MS, Envelopes } from './envelopes/envelopes.js';
import { keys } from './keys.js';
import { sealedCommand } from './turn-control.js';
import { MAX_THREADS } from './thread-store.js';
import { sweepTurns } from './turn-sweep.script.js';
import { acceptTurn, appendEvents, cancelTurn, claimBeside, claimTurn, finishTurn, leaveTurn } from './turn.scripts.js';

const Accepted = z.tuple([z.enum(['accepted', 'exists', 'full', 'tenant_full', 'unknown_thread']), z.number(), z.string(), z.string()]);
const Claimed = z.tuple([z.enum(['claimed', 'terminal', 'missing', 'not_head', 'not_holder']), z.number(), z.number(), z.number(), z.number(), z.string(), z.coerce.number(), z.string()]);
const Finished = z.tuple([z.enum(['finished', 'terminal', 'fenced', 'missing']), z.string()]);
const Cancelled = z.tuple([z.enum(['cancelled', 'requested', 'terminal', 'missing']), z.string()]);

const StoredTurn = z.object({
  request: z.string(),
  threadId: z.string().optional(),
  status: TurnStatus,
  epoch: z.coerce.number(),
  attempts: z.coerce.number(),
  startedAtMs: z.coerce.number().optional(),
  finishedAtMs: z.coerce.number().optional(),
  begun: z.string().optional(),
  terminal: z.string().optional(),
});

/** `turnId`: for `exists`, the turn that was accepted before. `threadId`: of an accepted turn, where it has one. */
export type AcceptOutcome = { outcome: z.infer<typeof Accepted>[0]; position: number; turnId: string; threadId?: string };
/** `unreadable`: claimed, but this version cannot read what was asked. `forged`: claimed, but no edge has signed it for this turn. */
export type Claim =
  | { outcome: 'forged'; flaw: string; attempts: number; seq: number }
  | { outcome: 'unreadable'; attempts: number; seq: number }
  | { outcome: 'claimed'; request: TurnRequest; threadId: string | undefined; epoch: number; attempts: number; seq: number; startedAtMs: number; cancelRequested: boolean }
  | { outcome: 'terminal' | 'missing' | 'not_head' | 'not_holder' };
export type Lease = { holder: string; token: string };

type TurnRef = { turnId: string; agent: { key: string } };

/** How long a finished turn is kept, how many of an agent at most, and how many of its threads. */
export type TurnRetention = { retentionMs: number; maxFinished: number; maxThreads?: number };

const RETENTION: TurnRetention = { retentionMs: 24 * 3600 * 1000, maxFinished: 200 };
/** Of an agent's oldest turns, so many are looked at when one ends. */
const SWEPT_AT_ONCE = 200;

/** The records of turns and every change of them, each one atomic script. Finished turns are kept as `limits` say, unfinished ones always. */
export class TurnStore {
  constructor(
    private readonly redis: Redis,
    private readonly limits: TurnRetention = RETENTION,
    private readonly envelopes = Envelopes.none,
  ) {}

  /** Makes a request durable at the end of its agent's mailbox. Position 0 may run at once. `maxOfTenant`: its unfinished turns of all agents, 0 for any number; `position` says how many there are where they are too many. */
  async accept(request: TurnRequest, maxQueued: number, maxOfTenant = 0): Promise<AcceptOutcome> {
    const { turnId, agent, idempotencyKey, thread } = request;
    const { key } = agent;
    const reply = await acceptTurn.run(
      this.redis,
      [keys.turn(turnId), keys.mailbox(key), keys.turnLog(turnId), keys.busyAgents, keys.turnsOf(key), keys.idempotency(key, idempotencyKey ?? ''), keys.agent(key), keys.threads(key), keys.unfinishedOf(agent.tenant)],
      [turnId, JSON.stringify(this.envelopes.seal('turn', request, ENVELOPE_LIFETIMES_MS.turn)), key, maxQueued, Date.now(), idempotencyKey === undefined ? 0 : 1, maxOfTenant, ...(thread ? threadArguments(thread, this.limits.maxThreads ?? MAX_THREADS) : [])],
    );
    const [outcome, position, known, threadId] = Accepted.parse(reply);
    return { outcome, position, turnId: known || turnId, ...(threadId !== '' && { threadId }) };
  }

  /**
   * Begins a turn (or takes it over from a holder that is gone) and takes its agent's lease. One that `needsThread` has one
   * from then on, whichever version accepted it.
   */
  async claim(turnId: string, agentKey: string, lease: Lease, needsThread = false): Promise<Claim> {
    const reply = await claimTurn.run(
      this.redis,
      [keys.turn(turnId), keys.agent(agentKey), keys.mailbox(agentKey), keys.turnLog(turnId), keys.threads(agentKey)],
      [turnId, lease.holder, lease.token, Date.now(), ...(needsThread ? [newThreadId()] : [])],
    );
    return this.claimed(reply, turnId, agentKey);
  }

  /** Begins a turn that waits behind one that this holder of the agent's lease is at work on: beside it, in no order. */
  async claimBeside(turnId: string, agentKey: string, lease: Lease): Promise<Claim> {
    const reply = await claimBeside.run(this.redis, [keys.turn(turnId), keys.agent(agentKey), keys.mailbox(agentKey), keys.turnLog(turnId)], [turnId, lease.holder, lease.token, Date.now()]);
    return this.claimed(reply, turnId, agentKey);
  }

  /** Puts a turn that `claimBeside` took back to those that wait, where it is still this attempt's. */
  async leave(turnId: string, attempt: number): Promise<void> {
    await leaveTurn.run(this.redis, [keys.turn(turnId)], [attempt]);
  }

  private claimed(reply: unknown, turnId: string, agentKey: string): Claim {
    const [outcome, epoch, attempts, seq, cancelRequested, request, startedAtMs, threadId] = Claimed.parse(reply);
    if (outcome !== 'claimed') return { outcome };
    const stored = parseJson(request);
    const parsed = TurnRequest.safeParse(stored).data;
    const flaw = this.envelopes.flaw('turn', stored, ['mcp-edge']) ?? (parsed && mismatchOf(parsed, turnId, agentKey));
    if (flaw !== undefined) return { outcome: 'forged', flaw, attempts, seq };
    if (!parsed) return { outcome: 'unreadable', attempts, seq };
    return { outcome, request: parsed, threadId: threadId || undefined, epoch, attempts, seq, startedAtMs, cancelRequested: cancelRequested === 1 };
  }

  /** Appends events numbered from `firstSeq`. Returns false when a newer attempt has taken the turn over. */
  async append(turnId: string, attempt: number, firstSeq: number, events: TurnEvent[]): Promise<boolean> {
    return (await appendEvents.run(this.redis, [keys.turn(turnId), keys.turnLog(turnId)], [attempt, ...numbered(firstSeq, events)])) === 1;
  }

  /**
   * Writes the one terminal record, after `last` events numbered from `firstSeq`. `begun`: Codex has the turn in its history.
   * `next` is the agent's next waiting turn.
   */
  async finish(turn: TurnRef, attempt: number, firstSeq: number, event: TerminalEvent, last: TurnEvent[] = [], begun = false): Promise<{ outcome: z.infer<typeof Finished>[0]; next: string | undefined }> {
    const { turnId, agent } = turn;
    const reply = await finishTurn.run(
      this.redis,
      [keys.turn(turnId), keys.turnLog(turnId), keys.mailbox(agent.key), keys.agent(agent.key), keys.busyAgents, keys.threads(agent.key)],
      [attempt, event.type, turnId, agent.key, this.limits.retentionMs, Date.now(), withoutSeq(event), begun ? 1 : 0, ...numbered(firstSeq, last)],
    );
    const [outcome, next] = Finished.parse(reply);
    if (outcome === 'finished') void this.sweep(agent.key).catch(() => undefined); // what is missed now is swept at the next end
    return { outcome, next: next || undefined };
  }

  async cancel(turn: TurnRef, event: Extract<TerminalEvent, { type: 'cancelled' }>): Promise<{ outcome: z.infer<typeof Cancelled>[0]; next: string | undefined }> {
    const { turnId, agent } = turn;
    const reply = await cancelTurn.run(
      this.redis,
      [keys.turn(turnId), keys.turnLog(turnId), keys.mailbox(agent.key), keys.busyAgents],
      [turnId, agent.key, withoutSeq(event), this.limits.retentionMs, Date.now(), keys.turnControl, this.command({ action: 'cancel', turnId })],
    );
    const [outcome, next] = Cancelled.parse(reply);
    if (outcome === 'cancelled') void this.sweep(agent.key).catch(() => undefined);
    return { outcome, next: next || undefined };
  }

  /** Forgets an agent's oldest finished turns beyond those that are kept. */
  async sweep(agentKey: string): Promise<void> {
    await sweepTurns.run(this.redis, [keys.turnsOf(agentKey), keys.mailbox(agentKey)], [keys.turn(''), this.limits.maxFinished, SWEPT_AT_ONCE]);
  }

  /** Whether a turn of the agent was accepted with this idempotency key. */
  async isKnown(agentKey: string, idempotencyKey: string): Promise<boolean> {
    return (await this.redis.exists(keys.idempotency(agentKey, idempotencyKey))) === 1;
  }

  async load(turnId: string): Promise<TurnRecord | undefined> {
    const fields = await this.redis.hgetall(keys.turn(turnId));
    if (!fields['request']) return undefined;
    const { request, terminal, begun, ...stored } = StoredTurn.parse(fields);
    return TurnRecord.parse({ ...stored, begun: begun === '1', request: JSON.parse(request), ...(terminal !== undefined && { terminal: JSON.parse(terminal) }) });
  }

  /** An agent's turns of the retention time, the newest first. */
  async list(agentKey: string, limit: number): Promise<TurnRecord[]> {
    const turnIds = await this.redis.zrevrange(keys.turnsOf(agentKey), 0, limit - 1);
    const records = await Promise.all(turnIds.map((turnId) => this.load(turnId)));
    return records.filter((record) => record !== undefined);
  }

  /** Sends a command to whichever worker runs the turn. That it was followed shows in the turn's log. */
  async send(turnCommand: TurnCommand): Promise<void> {
    await this.redis.publish(keys.turnControl, this.command(turnCommand));
  }

  private command(turnCommand: TurnCommand): string {
    return sealedCommand(this.envelopes, turnCommand);
  }

  async isCancelRequested(turnId: string): Promise<boolean> {
    return (await this.redis.hexists(keys.turn(turnId), 'cancelRequested')) === 1;
  }

  /** Ids of an agent's unfinished turns, the running or next one first. */
  unfinished(agentKey: string): Promise<string[]> {
    return this.redis.lrange(keys.mailbox(agentKey), 0, -1);
  }

  /** Keys of the agents that have unfinished turns. */
  busyAgents(): Promise<string[]> {
    return this.redis.smembers(keys.busyAgents);
  }
}

const threadArguments = ({ opening, named = '', fresh }: NonNullable<TurnRequest['thread']>, maxThreads: number) =>
  [newThreadId(), opening, named, fresh ? newThreadId() : '', JSON.stringify(fresh ?? {}), maxThreads, keys.turn('')];

/** A script puts the number and the opening brace before it. */
const withoutSeq = (event: TurnEvent): string => JSON.stringify({ atMs: Date.now(), event }).slice(1);

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A signed request counts for its own turn and agent only, wherever somebody puts it. */
function mismatchOf({ turnId, agent }: TurnRequest, askedTurnId: string, askedAgentKey: string): string | undefined {
  const isOwn = turnId === askedTurnId && agent.key === askedAgentKey && agent.key === keyOfAgent(agent.tenant, agent.agentId);
  return isOwn ? undefined : 'signed for another turn or agent';
}

const numbered = (firstSeq: number, events: TurnEvent[]): (string | number)[] =>
  events.flatMap((event, index) => [firstSeq + index, JSON.stringify({ seq: firstSeq + index, atMs: Date.now(), event })]);
