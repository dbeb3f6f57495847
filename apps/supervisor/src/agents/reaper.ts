import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runPaths, type AgentRecord } from '@codex-mcp/contracts';
import { type AgentStore, readHeartbeats } from '@codex-mcp/messaging';
import { type Logger, operation } from '@codex-mcp/observability';
import type { Redis } from 'ioredis';
import type { GatewayClient } from '../gateway/gateway.client.js';
import type { AgentRuntime, Remains } from '../runtime/agent-runtime.port.js';
import type { AgentsService } from './agents.service.js';
import { type Findings, type Verdict, verdictOn } from './reaper.verdict.js';
import type { Removals } from './removals.js';

export type ReaperOptions = { supervisorId: string; runDir: string };

/** Docker's names hold this much of a key; it is enough to tell agents apart. */
const KEY_DIGITS = 16;
const FOR_PEOPLE: ReadonlySet<Verdict> = new Set(['unclaimed', 'foreign', 'lost']);

/** Brings registry, runtime and gateway of this host to agreement about which agents there are. */
export class Reaper {
  /** Agents that are for people, and what was said of them. */
  private readonly told = new Map<string, Verdict>();

  constructor(
    private readonly agents: AgentsService,
    private readonly runtime: AgentRuntime,
    private readonly registry: AgentStore,
    private readonly removals: Removals,
    private readonly gateway: GatewayClient,
    private readonly redis: Redis,
    private readonly logger: Logger,
    private readonly options: ReaperOptions,
  ) {}

  /** How many agents somebody has to look at. */
  get unsettled(): number {
    return this.told.size;
  }

  /** Finishes removals that were cut short, then settles every agent that is not the same everywhere. Rejects when one of them could not be. */
  async reap(): Promise<void> {
    const failures: unknown[] = [];
    const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => void failures.push(error));
    for (const agent of await this.removals.pending()) await attempt(this.agents.remove(agent));
    const alive = await this.aliveSupervisors();
    const found = await this.look();
    for (const [name, verdict] of this.told) if (this.verdict(found.get(name) ?? {}, alive) !== verdict) this.told.delete(name);
    for (const [name, findings] of found) if (!this.told.has(name) && this.verdict(findings, alive) !== 'agreed') await attempt(this.settle(name, findings, alive));
    if (failures.length > 0) throw failures[0];
  }

  private verdict(findings: Findings, alive: ReadonlySet<string>): Verdict {
    return verdictOn(findings, this.options.supervisorId, alive);
  }

  /** Looks again where no command can interfere, and acts on what is there then. */
  private async settle(name: string, { record, remains, runDirectory }: Findings, alive: ReadonlySet<string>): Promise<void> {
    const key = record?.key ?? remains?.key ?? runDirectory ?? name;
    await this.agents.exclusively(key, async () => {
      const now = (await this.look()).get(name) ?? {};
      const verdict = this.verdict(now, alive);
      if (verdict === 'agreed' || (await this.removals.isPending(key))) return;
      if (FOR_PEOPLE.has(verdict)) return this.tell(name, key, verdict, now);
      await operation(this.logger, 'agent.reap', { agentKey: key, agent: now.record?.agentId ?? now.remains?.spec?.agent.agentId, verdict }, () => this.act(verdict, key, now));
    });
  }

  private async act(verdict: Verdict, key: string, { record, remains }: Findings): Promise<void> {
    if (verdict === 'doubled') for (const id of remains?.doubles ?? []) await this.runtime.endDouble(id);
    if (verdict === 'enter' && remains) await this.enter(remains, record);
    if (verdict === 'stopped' && record) await this.registry.save({ ...placementOf(record), status: 'stopped' });
    if (verdict === 'elsewhere' && remains?.spec) await this.runtime.stop(remains.spec.agent);
    if (verdict === 'leftover') await this.clear(key);
  }

  /** An agent that is known from its files alone is a stopped one: its next call makes the rest. */
  private async enter({ spec, known, createdAt }: Remains, record: AgentRecord | undefined): Promise<void> {
    if (!spec) return;
    const { supervisorId } = this.options;
    const placement = { supervisorId, runtime: this.runtime.name, runtimeId: known?.runtimeId ?? '', cwd: record?.cwd ?? '', createdAt };
    await this.registry.save({ ...spec.agent, workspace: spec.workspace, image: spec.image, ...placement, status: known?.running ? 'running' : 'stopped' });
  }

  private async clear(key: string): Promise<void> {
    await this.gateway.unregister({ key });
    await rm(runPaths.agent(this.options.runDir, key), { recursive: true, force: true });
  }

  private tell(name: string, agentKey: string, verdict: Verdict, { record, remains }: Findings): void {
    this.told.set(name, verdict);
    const fields = { agent: record?.agentId ?? remains?.spec?.agent.agentId, supervisorId: record?.supervisorId };
    this.logger.warn({ op: 'agent.unsettled', agentKey, verdict, ...fields }, 'agent.unsettled');
  }

  private async look(): Promise<Map<string, Findings>> {
    const [records, remains, directories] = await Promise.all([this.registry.listAll(), this.runtime.survey(), this.runDirectories()]);
    const all = new Map<string, Findings>();
    const add = (key: string, findings: Findings) => all.set(key.slice(0, KEY_DIGITS), { ...all.get(key.slice(0, KEY_DIGITS)), ...findings });
    for (const record of records) add(record.key, { record });
    for (const one of remains) add(one.key, { remains: one });
    for (const runDirectory of directories) add(runDirectory, { runDirectory });
    return all;
  }

  private runDirectories(): Promise<string[]> {
    return readdir(join(this.options.runDir, 'agents')).catch(() => []);
  }

  private async aliveSupervisors(): Promise<Set<string>> {
    return new Set((await readHeartbeats(this.redis)).flatMap((beat) => (beat.service === 'supervisor' ? [beat.supervisorId] : [])));
  }
}

/** Without what workers write. */
function placementOf({ threadId: _threadId, lastActiveAt: _lastActiveAt, ...placement }: AgentRecord) {
  return placement;
}
