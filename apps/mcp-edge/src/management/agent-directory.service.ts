import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AgentIdentity, type AgentRecord, AppError, workspaceModeOf } from '@codex-mcp/contracts';
import { AgentStore, TurnStore } from '@codex-mcp/messaging';
import type { AgentView } from '@codex-mcp/tools';
import { Injectable } from '@nestjs/common';

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

type Totals = { readonly running: number; readonly queued: number };

/** A tenant's agents with what they are doing. */
@Injectable()
export class AgentDirectory {
  private looking: Promise<Totals> | undefined;

  constructor(
    private readonly agents: AgentStore,
    private readonly turns: TurnStore,
  ) {}

  /** All agents of the tenant, or the one that is named, where it exists. */
  async list(tenant: string, only: AgentIdentity | undefined): Promise<AgentRecord[]> {
    if (!only) return this.agents.list(tenant);
    const record = await this.agents.get(only.key);
    return record ? [record] : [];
  }

  async views(tenant: string, only: AgentIdentity | undefined): Promise<AgentView[]> {
    return Promise.all((await this.list(tenant, only)).map((record) => this.view(record)));
  }

  /** Throws `unknown_agent`, for a foreign agent as for one that never was. */
  async get(agent: AgentIdentity): Promise<AgentRecord> {
    const record = await this.agents.get(agent.key);
    if (!record) throw new AppError('unknown_agent', `You have no agent "${agent.agentId}". list_sessions shows those that you have.`);
    return record;
  }

  async view(record: AgentRecord): Promise<AgentView> {
    const { queued, running } = await this.work(record.key);
    return {
      agent_id: record.agentId,
      status: record.status,
      runtime: record.runtime,
      ...(record.runtime === 'docker' && { container_id: record.runtimeId }),
      workspace: record.workspace.kind === 'volume' ? 'volume' : record.workspace.path,
      workspace_mode: workspaceModeOf(record.workspace),
      ...(record.readOnlyTurns && { read_only_turns: record.readOnlyTurns }),
      ...(record.threadId !== undefined && { thread_id: record.threadId }),
      created_at: iso(record.createdAt),
      last_active_at: iso(record.lastActiveAt),
      queued_turns: queued,
      ...(running && { running_turn: running }),
    };
  }

  /** The running turn of an agent, and how many wait. */
  async work(agentKey: string): Promise<{ queued: number; running: AgentView['running_turn'] }> {
    const unfinished = await this.turns.unfinished(agentKey);
    const head = unfinished[0] === undefined ? undefined : await this.turns.load(unfinished[0]);
    if (head?.status !== 'running') return { queued: unfinished.length, running: undefined };
    const { turnId, tool, acceptedAtMs } = head.request;
    return { queued: unfinished.length - 1, running: { turn_id: turnId, tool, started_at: iso(head.startedAtMs ?? acceptedAtMs) } };
  }

  /** Turns of all agents. Whoever asks in one turn of the event loop is answered by one look. */
  totals(): Promise<Totals> {
    this.looking ??= nextTurn().then(() => {
      this.looking = undefined;
      return this.count();
    });
    return this.looking;
  }

  private async count(): Promise<Totals> {
    const work = await Promise.all((await this.turns.busyAgents()).map((key) => this.work(key)));
    return { running: work.filter(({ running }) => running).length, queued: work.reduce((sum, { queued }) => sum + queued, 0) };
  }
}
