import { AppError, type AgentIdentity, type AgentUsage, type Placement, type WorkspaceChoice } from '@codex-mcp/contracts';
import { AgentStore, TurnStore } from '@codex-mcp/messaging';
import { audited, type Auditor, operation, type OperationFields, type Logger } from '@codex-mcp/observability';
import type { AgentRuntime, AgentSpec, KnownAgent, RunningAgent } from '../runtime/agent-runtime.port.js';
import type { DiskWatch } from '../disk/disk-watch.js';
import type { WorkspaceRoots } from '../workspace/workspace-roots.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { Removals } from './removals.js';

export type AgentsOptions = { disk?: () => Pick<DiskWatch, 'mustHaveRoom' | 'refusal' | 'forget'>; supervisorId: string; relayUrl: () => string; maxRunning: number };

type Wanted = { workspace?: WorkspaceChoice | undefined; image?: string | undefined; egress?: string[] | undefined };

/** Guards the count of running agents; no agent has such a key. */
const ROOM = 'room';

/** The life of this host's agents: one command at a time for each agent, and never more running than allowed. */
export class AgentsService {
  private readonly mutex = new KeyedMutex();
  /** Agents that have a place and may not be running yet, with how many calls wait for that. */
  private readonly starting = new Map<string, number>();

  constructor(
    private readonly runtime: AgentRuntime,
    private readonly registry: AgentStore,
    private readonly turns: TurnStore,
    private readonly removals: Removals,
    private readonly roots: WorkspaceRoots,
    private readonly logger: Logger,
    private readonly audit: Auditor,
    private readonly options: AgentsOptions,
  ) {}

  /** Creates or wakes an agent. It keeps what it has of what is not named. */
  ensure(agent: AgentIdentity, { workspace, image, egress }: Wanted, correlationId: string): Promise<Placement> {
    return this.carryOut('agent.ensure', agent, correlationId, async (add) => {
      const known = (await this.removals.isPending(agent.key)) ? undefined : await this.registry.get(agent.key);
      const spec = { agent, workspace: await this.roots.choose(workspace, known?.workspace), image: image ?? known?.image, egress };
      return this.withRoom(agent, async () => {
        if (await this.removals.isPending(agent.key)) await this.erase(agent);
        await this.options.disk?.().mustHaveRoom(!known);
        const running = await this.runtime.ensure(spec);
        const full = await this.options.disk?.().refusal(agent);
        add({ runtime: this.runtime.name, runtimeId: running.runtimeId.slice(0, 12) });
        await this.register(spec, running);
        const { runtimeId: _runtimeId, createdAt: _createdAt, ...place } = running;
        return { supervisorId: this.options.supervisorId, relayUrl: this.options.relayUrl(), ...place, ...(full !== undefined && { full }) };
      });
    });
  }

  /** Ends an agent in the middle of what it does. */
  end(agent: AgentIdentity): Promise<boolean> {
    return this.mutex.run(agent.key, () => this.halt(agent, 'at_once'));
  }

  stop(agent: AgentIdentity): Promise<boolean> {
    return this.mutex.run(agent.key, () => this.halt(agent));
  }

  /** Stops an agent, or removes it, unless a turn has come for it in the meantime. */
  stopIdle(agent: AgentIdentity, how: 'stop' | 'remove' = 'stop'): Promise<boolean> {
    return this.mutex.run(agent.key, async () => {
      if ((await this.turns.unfinished(agent.key)).length > 0) return false;
      await (how === 'stop' ? this.halt(agent) : this.erase(agent));
      return true;
    });
  }

  remove(agent: AgentIdentity): Promise<boolean> {
    return this.mutex.run(agent.key, () => this.erase(agent));
  }

  usage(agent: AgentIdentity): Promise<AgentUsage> {
    return this.runtime.usage(agent);
  }

  async running(): Promise<KnownAgent[]> {
    return (await this.runtime.list()).filter((known) => known.running);
  }

  /** Looks after what is kept for new agents. */
  tidy(): Promise<void> {
    return this.runtime.tidy();
  }

  /** Runs `work` while no command changes this agent. */
  exclusively<Result>(agentKey: string, work: () => Promise<Result>): Promise<Result> {
    return this.mutex.run(agentKey, work);
  }

  async stopAll(): Promise<void> {
    await Promise.allSettled((await this.running()).map(({ spec }) => this.stop(spec.agent)));
  }

  private halt(agent: AgentIdentity, how?: 'at_once'): Promise<boolean> {
    return this.carryOut('agent.stop', agent, undefined, async () => {
      const stopped = await this.runtime.stop(agent, how);
      await this.markStopped(agent);
      return stopped;
    });
  }

  /** In an order in which it can be cut short anywhere: the mark comes first and goes last, and whoever finds it begins again. */
  private erase(agent: AgentIdentity): Promise<boolean> {
    return this.carryOut('agent.remove', agent, undefined, async () => {
      await this.removals.begin(agent);
      const removed = await this.runtime.remove(agent);
      this.options.disk?.().forget(agent);
      const record = await this.registry.get(agent.key);
      // An agent of this name may live on another host by now.
      if (!record || record.supervisorId === this.options.supervisorId) await this.registry.remove(agent);
      await this.removals.end(agent.key);
      return removed || record !== undefined;
    });
  }

  private carryOut<Result>(action: 'agent.ensure' | 'agent.stop' | 'agent.remove', { tenant, agentId }: AgentIdentity, correlationId: string | undefined, work: (add: (more: OperationFields) => void) => Promise<Result>): Promise<Result> {
    const detail: OperationFields = {};
    return operation(this.logger, action, { agent: agentId, tenant, correlationId }, (add) =>
      audited(this.audit, { action, tenant, agentId, correlationId, detail }, () => work((more) => add(Object.assign(detail, more)))),
    );
  }

  private host() {
    return { supervisorId: this.options.supervisorId, runtime: this.runtime.name };
  }

  private register({ agent, image }: AgentSpec, running: RunningAgent): Promise<void> {
    const { runtimeId, workspace, cwd, readOnlyTurns, createdAt } = running;
    return this.registry.save({ ...agent, ...this.host(), runtimeId, workspace, image, cwd, readOnlyTurns, createdAt, status: 'running' });
  }

  private async markStopped(agent: AgentIdentity): Promise<void> {
    const record = await this.registry.get(agent.key);
    if (!record) return;
    const { threadId: _threadId, lastActiveAt: _lastActiveAt, ...placement } = record;
    await this.registry.save({ ...placement, status: 'stopped' });
  }

  /** Runs `start` with one of this host's places kept for the agent. The place is taken before the agent's own turn, so that nobody waits for the other. */
  private async withRoom<Result>(agent: AgentIdentity, start: () => Promise<Result>): Promise<Result> {
    await this.mutex.run(ROOM, async () => {
      await this.makeRoom(agent);
      this.starting.set(agent.key, (this.starting.get(agent.key) ?? 0) + 1);
    });
    try {
      return await this.mutex.run(agent.key, start);
    } finally {
      const left = (this.starting.get(agent.key) ?? 1) - 1;
      if (left > 0) this.starting.set(agent.key, left);
      else this.starting.delete(agent.key);
    }
  }

  /** Stops the agent that has been idle longest when this host is full; throws `at_capacity` when all are busy. */
  private async makeRoom(agent: AgentIdentity): Promise<void> {
    const running = await this.running();
    const taken = new Set([...this.starting.keys(), ...running.map(({ spec }) => spec.agent.key)]);
    if (taken.has(agent.key) || taken.size < this.options.maxRunning) return;
    const idle = await this.idle(running.filter(({ spec }) => !this.starting.has(spec.agent.key)));
    for (const { agent: other } of idle.toSorted((one, two) => one.lastActiveAt - two.lastActiveAt)) if (await this.stopIdle(other)) return;
    throw new AppError('at_capacity', `All ${this.options.maxRunning} agents of this host are busy. Call again when one has finished, or raise MAX_CONCURRENT_SESSIONS.`);
  }

  /** Running agents without an unfinished turn, and when each was last active. */
  async idle(running: KnownAgent[]): Promise<{ agent: AgentIdentity; lastActiveAt: number }[]> {
    const all = await Promise.all(
      running.map(async ({ spec, createdAt }) => {
        const [record, unfinished] = await Promise.all([this.registry.get(spec.agent.key), this.turns.unfinished(spec.agent.key)]);
        return unfinished.length > 0 ? [] : [{ agent: spec.agent, lastActiveAt: record?.lastActiveAt ?? createdAt }];
      }),
    );
    return all.flat();
  }
}
