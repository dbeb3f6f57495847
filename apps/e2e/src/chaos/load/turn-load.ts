import { agentKey, isTerminal, LOCAL_TENANT, newTurnId, type TurnRequest } from '@codex-mcp/contracts';
import { eventually, type Step } from '@codex-mcp/testing';
import { directive } from '../../stack/calls.js';
import type { ServiceSystem } from '../../scorecard/system/service-system.js';

const TOOL = 'chat';
const MAX_QUEUED = 10_000;
const POLL_MS = 100;

/** A turn that was accepted; `mark` stands in its message and in no other. */
export type Submitted = { readonly turnId: string; readonly agentId: string; readonly mark: string };

/** Accepts turns as an edge does, and waits for their ends. */
export class TurnLoad {
  readonly submitted: Submitted[] = [];
  private readonly open = new Set<Submitted>();
  private count = 0;

  constructor(private readonly system: ServiceSystem) {}

  /** Resolves when the turn is durable. `options`: further arguments of the tool. */
  async submit(agentId: string, steps: Step[], options: Record<string, string | number> = {}): Promise<Submitted> {
    const turn = { turnId: newTurnId(), agentId, mark: `[mark ${++this.count}]` };
    const key = agentKey(LOCAL_TENANT, agentId);
    const request: TurnRequest = {
      turnId: turn.turnId,
      tool: TOOL,
      agent: { tenant: LOCAL_TENANT, agentId, key },
      arguments: { message: `${turn.mark} ${directive(...steps)}`, write: true, ...options },
      thread: { opening: turn.mark },
      correlationId: turn.turnId,
      acceptedAtMs: Date.now(),
    };
    const { position } = await this.system.turns.accept(request, MAX_QUEUED);
    this.submitted.push(turn);
    this.open.add(turn);
    await this.system.dispatcher.enqueue({ turnId: turn.turnId, agentKey: key, tool: TOOL, correlationId: turn.turnId }, position);
    return turn;
  }

  /** Turns that have not ended, as far as can be told while Redis may be away. */
  async unfinished(): Promise<Submitted[]> {
    for (const turn of this.open) {
      const record = await this.system.turns.load(turn.turnId);
      if (!record || isTerminal(record.status)) this.open.delete(turn);
    }
    return [...this.open];
  }

  /** How many have ended so far. */
  async ended(): Promise<number> {
    return this.submitted.length - (await this.unfinished()).length;
  }

  /** For each agent the turn at the head of its mailbox: it runs, or is about to. */
  async running(): Promise<Submitted[]> {
    const agents = new Set([...this.open].map(({ agentId }) => agentId));
    const heads = await Promise.all([...agents].map((agentId) => this.system.turns.unfinished(agentKey(LOCAL_TENANT, agentId))));
    return [...this.open].filter(({ turnId }) => heads.some(([head]) => head === turnId));
  }

  /** True when all of them ended in time; what did not shows in the verdict. */
  async settled(timeoutMs: number, turns: readonly Submitted[] = this.submitted): Promise<boolean> {
    const done = async () => {
      const open = new Set(await this.unfinished());
      return !turns.some((turn) => open.has(turn));
    };
    return eventually(done, { timeoutMs, intervalMs: POLL_MS }).then(() => true, () => false);
  }
}
