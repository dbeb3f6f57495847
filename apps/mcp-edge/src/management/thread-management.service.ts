import { type AgentIdentity, AppError, type ForkOrigin, isTerminal, type ThreadRecord, type TurnRecord } from '@codex-mcp/contracts';
import { ThreadStore } from '@codex-mcp/messaging';
import type { ArgumentsOf, MANAGEMENT_TOOLS, OutputOf, ThreadView } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';
import { unknownThread } from '../invocation/thread.errors.js';
import { TurnLookup } from '../invocation/turn-lookup.service.js';

type Tools = typeof MANAGEMENT_TOOLS;
type ForkArguments = ArgumentsOf<Tools['fork']>;

const DEFAULT_THREADS = 20;

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

/** The tools `new_thread`, `fork` and `list_threads`: an agent's conversations by their names. Codex is not asked. */
@Injectable()
export class ThreadManagement {
  constructor(
    private readonly threads: ThreadStore,
    private readonly lookup: TurnLookup,
  ) {}

  async begin(agent: AgentIdentity, title: string | undefined): Promise<OutputOf<Tools['new_thread']>> {
    return { agent_id: agent.agentId, thread_id: await this.threads.create(agent.key, { title }), title };
  }

  /** Throws `unknown_thread`, `unknown_turn`, or `invalid_arguments` where there is nothing to branch off. */
  async fork(agent: AgentIdentity, args: ForkArguments): Promise<OutputOf<Tools['fork']>> {
    const forkedFrom = await this.originOf(agent, args);
    return { agent_id: agent.agentId, thread_id: await this.threads.create(agent.key, { title: args.title, forkedFrom }), title: args.title, forked_from: originView(forkedFrom) };
  }

  async list(agent: AgentIdentity, limit = DEFAULT_THREADS): Promise<OutputOf<Tools['list_threads']>> {
    const [threads, current] = await Promise.all([this.threads.list(agent.key), this.threads.current(agent.key)]);
    return { agent_id: agent.agentId, threads: threads.slice(0, limit).map((thread) => viewOf(thread, thread.threadId === current)) };
  }

  private async originOf(agent: AgentIdentity, { thread_id: named, turn_id: turnId }: ForkArguments): Promise<ForkOrigin> {
    const turn = turnId === undefined ? undefined : await this.endedTurn(agent, turnId);
    const threadId = named ?? turn?.threadId ?? (await this.threads.current(agent.key));
    const parent = threadId === undefined ? undefined : await this.threads.get(agent.key, threadId);
    if (!parent) throw named === undefined && !turn ? nothingIn(`agent "${agent.agentId}"`) : unknownThread(agent);
    if (turn && turn.threadId !== parent.threadId) throw refused(`${turnId} belongs to ${turn.threadId ?? 'no thread'}; leave thread_id away, or name that one`);
    return originIn(parent, turnId);
  }

  private async endedTurn(agent: AgentIdentity, turnId: string): Promise<TurnRecord> {
    const turn = await this.lookup.find(agent.tenant, turnId);
    const { request, status, begun } = turn;
    if (request.agent.key !== agent.key) throw refused(`${turnId} is a turn of agent "${request.agent.agentId}"; name it as agent_id`);
    if (!isTerminal(status)) throw refused(`${turnId} has not ended (${status}); wait for it with get_turn, or fork after an earlier turn`);
    if (!begun) throw refused(`${turnId} ended without Codex having begun it; fork after an earlier turn`);
    return turn;
  }
}

/** A fork without turns of its own is where its parent was. */
function originIn({ threadId, codexThreadId, lastTurn, forkedFrom }: ThreadRecord, turnId: string | undefined): ForkOrigin {
  const throughTurnId = turnId ?? lastTurn?.turnId;
  if (throughTurnId !== undefined && codexThreadId !== undefined) return { threadId, throughTurnId, codexThreadId };
  if (turnId === undefined && forkedFrom) return { ...forkedFrom, threadId };
  throw nothingIn(threadId);
}

const refused = (problem: string): AppError => new AppError('invalid_arguments', `fork: ${problem}.`);
const nothingIn = (what: string): AppError => refused(`${what} has no turn that has ended, so there is nothing to branch off; new_thread begins an empty thread`);

const originView = ({ threadId, throughTurnId }: ForkOrigin) => ({ thread_id: threadId, turn_id: throughTurnId });

function viewOf({ threadId, title, opening, turns, createdAtMs, lastTurn, forkedFrom }: ThreadRecord, current: boolean): ThreadView {
  return {
    thread_id: threadId,
    title: title ?? opening,
    current,
    turns,
    created_at: iso(createdAtMs),
    last_turn_at: lastTurn && iso(lastTurn.endedAtMs),
    forked_from: forkedFrom && originView(forkedFrom),
  };
}
