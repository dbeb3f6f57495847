import type { Claim, Lease, TurnStore } from '@codex-mcp/messaging';
import { UnreachableError } from '@codex-mcp/codex';
import type { TurnRequest } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import { findTool, type JsonObject, onlyLooks } from '@codex-mcp/tools';
import type { AgentSession } from '../agents/agent-session.js';
import type { AgentSessions } from '../agents/agent-sessions.js';
import { look } from '../workspace/workspace-operations.js';

type Claimed = Extract<Claim, { outcome: 'claimed' }>;
type Begin = (claim: Claimed) => Promise<unknown>;

/** Calls that only look at a workspace, answered while Codex is at work there for a turn that runs in this worker. */
export class LooksBeside {
  private readonly atWork = new Map<string, Begin>();
  private readonly inHand = new Set<string>();

  constructor(
    private readonly turns: TurnStore,
    private readonly sessions: Pick<AgentSessions, 'atWork'>,
    private readonly lease: Lease,
    private readonly logger: Logger,
  ) {}

  /** For a turn of an agent; `ready` is called each time Codex is at work on it, and those that wait behind it are begun with `begin`. */
  open(agentKey: string, begin: Begin): { ready: () => void; close: () => void } {
    const ready = () => {
      this.atWork.set(agentKey, begin);
      void this.catchUp(agentKey);
    };
    return { ready, close: () => void (this.atWork.get(agentKey) === begin && this.atWork.delete(agentKey)) };
  }

  /** Begins a turn that only looks. Nothing happens where Codex is not at work for its agent here: it has its place. */
  async offer(turnId: string, agentKey: string): Promise<void> {
    const begin = this.atWork.get(agentKey);
    if (!begin || this.inHand.has(turnId)) return;
    this.inHand.add(turnId);
    try {
      const request = (await this.turns.load(turnId))?.request;
      if (!request || !onlyLooks(findTool(request.tool)) || !this.sessionOf(request)) return;
      const claim = await this.turns.claimBeside(turnId, agentKey, this.lease);
      if (claim.outcome === 'claimed') await begin(claim);
    } catch (error) {
      this.logger.warn({ op: 'turn.beside', turnId, err: error }, 'turn.beside');
    } finally {
      this.inHand.delete(turnId);
    }
  }

  /** The output of a turn that `begin` was called with; undefined where the way to the agent broke, so that it waits for its place after all. */
  async answer(request: TurnRequest, startedAtMs: number): Promise<JsonObject | undefined> {
    const [tool, session] = [findTool(request.tool), this.sessionOf(request)];
    if (!onlyLooks(tool) || !session) return undefined;
    return look(tool, { request, session: session.beside, turns: this.turns }, startedAtMs).catch((error: unknown) => {
      if (error instanceof UnreachableError) return undefined;
      throw error;
    });
  }

  /** Those that came before Codex was at work, or whose announcement was lost. */
  private async catchUp(agentKey: string): Promise<void> {
    const [, ...waiting] = await this.turns.unfinished(agentKey).catch(() => []);
    await Promise.all(waiting.map((turnId) => this.offer(turnId, agentKey)));
  }

  private sessionOf({ agent, workspace }: TurnRequest): AgentSession | undefined {
    return this.sessions.atWork(agent.key, workspace);
  }
}
