import { AppError, type AgentIdentity, type AgentRecord, type AgentUsage, type Placement, type Workspace } from '@codex-mcp/contracts';
import { AgentStore, TurnStore } from '@codex-mcp/messaging';
import { operation, type Logger } from '@codex-mcp/observability';
import type { AgentRuntime, KnownAgent, RunningAgent } from '../runtime/agent-runtime.port.js';
import type { WorkspaceRoots } from '../workspace/workspace-roots.js';
import { KeyedMutex } from './keyed-mutex.js';

export type AgentsOptions = { supervisorId: string; relayUrl: () => string; maxRunning: number };

/** The life of this host's agents: one command at a time for each agent, and never more running than allowed. */
export class AgentsService {
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly runtime: AgentRuntime,
    private readonly registry: AgentStore,
    private readonly turns: TurnStore,
    private readonly roots: WorkspaceRoots,
    private readonly logger: Logger,
    private readonly options: AgentsOptions,
  ) {}

  /** Creates or wakes an agent. Without `workspace` it keeps the one it has. */
  ensure(agent: AgentIdentity, workspace: Workspace | undefined, correlationId: string): Promise<Placement> {
    return operation(this.logger, 'agent.ensure', { agent: agent.agentId, tenant: agent.tenant, correlationId }, (add) =>
      this.mutex.run(agent.key, async () => {
        const known = await this.registry.get(agent.key);
        const wanted = await this.roots.resolve(workspace ?? known?.workspace ?? { kind: 'volume' });
        await this.makeRoom(agent);
        const running = await this.runtime.ensure({ agent, workspace: wanted });
        add({ runtime: this.runtime.name, runtimeId: running.runtimeId.slice(0, 12) });
        await this.register(agent, running);
        const { cwd, stateDir, sandbox } = running;
        return { supervisorId: this.options.supervisorId, relayUrl: this.options.relayUrl(), workspace: wanted, cwd, stateDir, sandbox };
      }),
    );
  }

  stop(agent: AgentIdentity): Promise<boolean> {
    return operation(this.logger, 'agent.stop', { agent: agent.agentId, tenant: agent.tenant }, () =>
      this.mutex.run(agent.key, async () => {
        const stopped = await this.runtime.stop(agent);
        await this.markStopped(agent);
        return stopped;
      }),
    );
  }

  remove(agent: AgentIdentity): Promise<boolean> {
    return operation(this.logger, 'agent.remove', { agent: agent.agentId, tenant: agent.tenant }, () =>
      this.mutex.run(agent.key, async () => {
        const removed = await this.runtime.remove(agent);
        await this.registry.remove(agent);
        return removed;
      }),
    );
  }

  usage(agent: AgentIdentity): Promise<AgentUsage> {
    return this.runtime.usage(agent);
  }

  async running(): Promise<KnownAgent[]> {
    return (await this.runtime.list()).filter((known) => known.running);
  }

  /** Makes the registry say what the runtime says: agents found here again, ended by themselves, or removed by hand. */
  async reconcile(): Promise<void> {
    const found = await this.runtime.list();
    const known = new Map(found.map((agent) => [agent.spec.agent.key, agent]));
    const records = new Map((await this.registry.listAll()).map((record) => [record.key, record]));
    const mine = [...records.values()].filter(({ supervisorId }) => supervisorId === this.options.supervisorId);
    for (const { agent } of found.map(({ spec }) => spec)) if (!this.agrees(records.get(agent.key), known.get(agent.key))) await this.correct(agent);
    for (const record of mine) if (record.status === 'running' && !known.has(record.key)) await this.correct(record);
  }

  async stopAll(): Promise<void> {
    await Promise.allSettled((await this.running()).map(({ spec }) => this.stop(spec.agent)));
  }

  private agrees(record: AgentRecord | undefined, known: KnownAgent | undefined): boolean {
    if (!record || !known || record.supervisorId !== this.options.supervisorId) return false;
    return record.runtimeId === known.runtimeId && record.status === (known.running ? 'running' : 'stopped');
  }

  /** Looks again where no command can interfere, and writes down what is there. */
  private correct(agent: AgentIdentity): Promise<void> {
    return this.mutex.run(agent.key, async () => {
      const [record, all] = await Promise.all([this.registry.get(agent.key), this.runtime.list()]);
      const known = all.find(({ spec }) => spec.agent.key === agent.key);
      if (!known) return this.markStopped(agent);
      const { runtimeId, createdAt, spec } = known;
      return this.registry.save({ ...spec.agent, workspace: spec.workspace, ...this.host(), runtimeId, createdAt, status: known.running ? 'running' : 'stopped', cwd: record?.cwd ?? '' });
    });
  }

  private host() {
    return { supervisorId: this.options.supervisorId, runtime: this.runtime.name };
  }

  private register(agent: AgentIdentity, running: RunningAgent): Promise<void> {
    const { runtimeId, workspace, cwd, createdAt } = running;
    return this.registry.save({ ...agent, ...this.host(), runtimeId, workspace, cwd, createdAt, status: 'running' });
  }

  private async markStopped(agent: AgentIdentity): Promise<void> {
    const record = await this.registry.get(agent.key);
    if (!record) return;
    const { threadId: _threadId, lastActiveAt: _lastActiveAt, ...placement } = record;
    await this.registry.save({ ...placement, status: 'stopped' });
  }

  /** Stops the agent that has been idle longest when this host is full; throws `at_capacity` when all are busy. */
  private async makeRoom(agent: AgentIdentity): Promise<void> {
    const running = await this.running();
    if (running.length < this.options.maxRunning || running.some(({ spec }) => spec.agent.key === agent.key)) return;
    const idle = await this.idle(running);
    const longest = idle.toSorted((a, b) => a.lastActiveAt - b.lastActiveAt)[0];
    if (!longest) throw new AppError('at_capacity', `All ${this.options.maxRunning} agents of this host are busy. Call again when one has finished, or raise MAX_CONCURRENT_SESSIONS.`);
    await this.stop(longest.agent);
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
