import { UnreachableError } from '@codex-mcp/codex';
import type { TurnRequest } from '@codex-mcp/contracts';
import type { Claim, Lease, TurnStore } from '@codex-mcp/messaging';
import type { Logger } from '@codex-mcp/observability';
import { findTool, type JsonObject, onlyLooks } from '@codex-mcp/tools';
import type { AgentSession } from '../agents/agent-session.js';
import { look } from '../workspace/workspace-operations.js';

type Claimed = Extract<Claim, { outcome: 'claimed' }>;
type Begin = (claim: Claimed) => Promise<'done' | 'parked' | 'left'>;
type Sessions = { atWork(agentKey: string, workspace: TurnRequest['workspace']): Pick<AgentSession, 'beside'> | undefined };

/** They share the agent's processes and its connection with the turn that is at work, which is to be stopped and steered in time. */
const MAX_OF_AGENT = 2;
const MAX_OF_WORKER = 8;

/** Calls that only look at a workspace, answered while Codex is at work there for a turn that runs in this worker. */
export class LooksBeside {
  private readonly atWork = new Map<string, { begin: Begin; shutdown: AbortSignal }>();
  /** By turn; `work` is over when nothing runs for it in the agent any more. */
  private readonly inHand = new Map<string, { agentKey: string; work: Promise<unknown> }>();
  /** Agents that have looks for which there was no room. */
  private readonly crowded = new Set<string>();

  constructor(
    private readonly turns: TurnStore,
    private readonly sessions: Sessions,
    private readonly lease: Lease,
    private readonly logger: Logger,
  ) {}

  /** For a turn of an agent; `ready` is called each time Codex is at work on it, and those that wait behind it are begun with `begin`, a few at a time, until `shutdown` aborts. */
  open(agentKey: string, begin: Begin, shutdown: AbortSignal): { ready: () => void; close: () => void } {
    const entry = { begin, shutdown };
    const ready = () => {
      this.atWork.set(agentKey, entry);
      void this.catchUp(agentKey);
    };
    return { ready, close: () => void (this.atWork.get(agentKey) === entry && this.atWork.delete(agentKey)) };
  }

  /** Begins a turn that only looks, or remembers that one waits. Nothing happens where Codex is not at work for its agent here: it has its place. */
  async offer(turnId: string, agentKey: string): Promise<void> {
    const entry = this.atWork.get(agentKey);
    if (!entry || entry.shutdown.aborted || this.inHand.has(turnId)) return;
    try {
      const request = (await this.turns.load(turnId))?.request;
      if (!request || !onlyLooks(findTool(request.tool)) || !this.sessionOf(request) || this.inHand.has(turnId)) return;
      if (this.hasRoom(agentKey)) await this.take(turnId, agentKey, entry.begin);
      else this.crowded.add(agentKey);
    } catch (error) {
      this.logger.warn({ op: 'turn.beside', turnId, err: error }, 'turn.beside');
    }
  }

  /**
   * The output of a turn that `begin` was called with; undefined where the way to the agent broke, so that it waits for its
   * place after all. What runs for it in the agent is killed when `signal` aborts.
   */
  async answer(request: TurnRequest, startedAtMs: number, signal: AbortSignal): Promise<JsonObject | undefined> {
    const [tool, session] = [findTool(request.tool), this.sessionOf(request)];
    if (!onlyLooks(tool) || !session) return undefined;
    const work = look(tool, { request, session: session.beside(signal), turns: this.turns }, startedAtMs).catch((error: unknown) => {
      if (error instanceof UnreachableError) return undefined;
      throw error;
    });
    const held = this.inHand.get(request.turnId);
    if (held) held.work = work;
    return work;
  }

  /** Resolves when the turn is claimed; its end makes room for the next. */
  private async take(turnId: string, agentKey: string, begin: Begin): Promise<void> {
    this.inHand.set(turnId, { agentKey, work: Promise.resolve() });
    const claim = await this.turns.claimBeside(turnId, agentKey, this.lease).catch((error: unknown) => {
      this.inHand.delete(turnId);
      throw error;
    });
    if (claim.outcome !== 'claimed') return void this.inHand.delete(turnId);
    void this.seeThrough(turnId, agentKey, begin(claim));
  }

  private async seeThrough(turnId: string, agentKey: string, begun: ReturnType<Begin>): Promise<void> {
    const result = await begun.catch((error: unknown) => {
      this.logger.warn({ op: 'turn.beside', turnId, err: error }, 'turn.beside');
      return 'left' as const;
    });
    await this.inHand.get(turnId)?.work.catch(() => undefined);
    this.inHand.delete(turnId);
    this.makeUse(agentKey, result === 'left');
  }

  /** One that was left would be begun again at once, over a connection that is gone; its agent's turn catches up when it has another. */
  private makeUse(agentKey: string, wasLeft: boolean): void {
    const crowded = [...this.crowded];
    this.crowded.clear();
    for (const key of crowded) if (key !== agentKey || !wasLeft) void this.catchUp(key);
  }

  private hasRoom(agentKey: string): boolean {
    const ofAgent = [...this.inHand.values()].filter((held) => held.agentKey === agentKey);
    return this.inHand.size < MAX_OF_WORKER && ofAgent.length < MAX_OF_AGENT;
  }

  /** Those that came before Codex was at work, that found no room, or whose announcement was lost. */
  private async catchUp(agentKey: string): Promise<void> {
    this.crowded.delete(agentKey);
    const [, ...waiting] = await this.turns.unfinished(agentKey).catch(() => []);
    for (const turnId of waiting) {
      if (!this.atWork.has(agentKey) || this.crowded.has(agentKey)) return;
      await this.offer(turnId, agentKey);
    }
  }

  private sessionOf({ agent, workspace }: TurnRequest): Pick<AgentSession, 'beside'> | undefined {
    return this.sessions.atWork(agent.key, workspace);
  }
}
