import { type AgentIdentity, AppError, type ErrorCode } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import type { AgentRuntime } from '../runtime/agent-runtime.port.js';
import { bytesInWords } from './bytes-in-words.js';

const MB = 1024 ** 2;
const INTERVAL_MS = 1000;
/** The disk's free space tells when it is time to measure; this is for what others free meanwhile. */
const MEASURED_EVERY_MS = 30_000;
/** What an agent beyond its limit may still write while it makes room. */
const ROOM_BYTES = 32 * MB;
/** What an agent must have written to be stopped for the host's sake; less comes from any turn. */
const GROWN_BYTES = 16 * MB;
/** After those, one that cannot be measured counts as beyond its limit. */
const MAX_FAILURES = 3;
const LOOKS_BETWEEN_FAILURES = 10;
/** On a host that is nearly full: until what was measured is measured again, and another agent stopped. */
const CRITICAL_LOOKS = 5;
/** At the same time. One that takes long, as agents can have it, gives its place to the next. */
const MAX_MEASURED = 4;
const LONG_LOOKS = 10;

export type DiskLimits = { maxBytes: number; minFreeBytes: number };
type Measured = { usedBytes: number; atMs: number; freeBytes: number };
type Known = {
  agent: AgentIdentity;
  /** What it had when it was first seen; undefined again after it was stopped. */
  first?: number | undefined;
  last?: Measured | undefined;
  /** The look at which it was last tried to measure it. */
  triedAt: number;
  failures: number;
  /** What it may grow to: its limit, or a little more than it has where that is more. Undefined: found when it is next measured. */
  allowedBytes: number | undefined;
  halts: number;
};

export type DiskWatchParts = {
  runtime: Pick<AgentRuntime, 'diskUsage' | 'freeDiskBytes'>;
  /** Agents that run on this host, at work or not: what a turn has left running writes, too. */
  running: () => Promise<AgentIdentity[]>;
  /** Ends the agent at once, and tells its turn why. */
  halt: (agent: AgentIdentity, error: AppError) => Promise<void>;
  logger: Logger;
  limits: DiskLimits;
  intervalMs?: number;
};

/** Keeps agents from filling this host's disk: each has a limit, and all of them together leave some space. */
export class DiskWatch {
  private readonly known = new Map<string, Known>();
  /** Agents that are being measured or stopped, and since which look. */
  private readonly measuring = new Map<string, number>();
  private looks = 0;
  /** Since which look the host has been nearly full, or an agent was last stopped for that, and what was free then. */
  private critical: { since: number; haltedAtBytes?: number } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(private readonly parts: DiskWatchParts) {}

  start(): void {
    this.timer = setTimeout(() => {
      this.looking = this.look().catch((error: unknown) => this.warn(error));
      void this.looking.then(() => this.timer && this.start());
    }, this.parts.intervalMs ?? INTERVAL_MS);
  }

  /** Waits for no measurement; one that ends later has no consequences. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.looking;
  }

  /** Throws `at_capacity` where the disk has no room for a new agent, or almost none for the turns of one that is there. */
  async mustHaveRoom(isNew: boolean): Promise<void> {
    const free = await this.parts.runtime.freeDiskBytes();
    const { minFreeBytes } = this.parts.limits;
    if (free === undefined || free >= (isNew ? minFreeBytes : minFreeBytes / 2)) return;
    const needed = isNew ? `new agents are made while DISK_FREE_MIN (${bytesInWords(minFreeBytes)}) are free` : `turns begin while half of DISK_FREE_MIN (${bytesInWords(minFreeBytes)}) is free`;
    throw new AppError('at_capacity', `The disk of this host has ${bytesInWords(free)} left, and ${needed}. Remove agents with cleanup_inactive_agents, or free space on the host.`);
  }

  /**
   * Why an agent that runs may not write, for one that was stopped for it twice and still holds too much, as far as can be
   * told. After the first time it may make room: it then has a little more than it holds.
   */
  async refusal(agent: AgentIdentity): Promise<string | undefined> {
    const known = this.known.get(agent.key);
    if (!known || known.halts === 0) return undefined;
    const measured = await this.parts.runtime.diskUsage(agent);
    const { maxBytes } = this.parts.limits;
    if (typeof measured === 'number' && measured <= maxBytes) {
      this.known.delete(agent.key);
      return undefined;
    }
    const usedBytes = typeof measured === 'number' ? measured : Math.max(maxBytes, known.last?.usedBytes ?? 0);
    known.allowedBytes = usedBytes + ROOM_BYTES;
    if (known.halts < 2) return undefined;
    return `${typeof measured === 'number' ? this.tooMuch(usedBytes) : this.notMeasured()} It was stopped for that twice: remove it with cleanup_inactive_agents and remove: true, or raise the limit.`;
  }

  forget({ key }: Pick<AgentIdentity, 'key'>): void {
    this.known.delete(key);
  }

  private async look(): Promise<void> {
    this.looks += 1;
    const [running, free] = await Promise.all([this.parts.running(), this.parts.runtime.freeDiskBytes()]);
    if (free === undefined || this.isStopped) return;
    this.critical = free < this.parts.limits.minFreeBytes / 2 ? (this.critical ?? { since: this.looks }) : undefined;
    // What is stopped does not grow; what it was stopped for is remembered.
    const keys = new Set(running.map(({ key }) => key));
    for (const [key, { halts }] of this.known) if (halts === 0 && !keys.has(key)) this.known.delete(key);
    for (const agent of this.due(running, free)) this.inBackground(agent, () => this.measure(agent, free));
    if (this.critical) this.haltFastest(running, free, this.critical);
  }

  /** Whom to measure now: who has waited longest comes first. */
  private due(running: readonly AgentIdentity[], free: number): AgentIdentity[] {
    const taken = [...this.measuring.values()].filter((since) => this.looks - since < LONG_LOOKS).length;
    const waiting = running.filter((agent) => !this.measuring.has(agent.key) && this.isDue(agent, free));
    return waiting.toSorted((a, b) => this.triedAt(a) - this.triedAt(b)).slice(0, Math.max(0, MAX_MEASURED - taken));
  }

  private triedAt({ key }: AgentIdentity): number {
    return this.known.get(key)?.triedAt ?? 0;
  }

  /** Nobody can have written more than the disk has lost. */
  private isDue({ key }: AgentIdentity, free: number): boolean {
    const known = this.known.get(key);
    if (!known) return true;
    const { last, allowedBytes, failures, triedAt } = known;
    if (failures > 0) return this.looks - triedAt >= LOOKS_BETWEEN_FAILURES;
    if (!last || allowedBytes === undefined) return true;
    if (this.critical && (triedAt < this.critical.since || this.looks - triedAt >= CRITICAL_LOOKS)) return true;
    return Date.now() - last.atMs > MEASURED_EVERY_MS || last.freeBytes - free > (allowedBytes - last.usedBytes) / 2;
  }

  private async measure(agent: AgentIdentity, freeBytes: number): Promise<void> {
    const triedAt = this.looks;
    const usedBytes = await this.parts.runtime.diskUsage(agent);
    if (this.isStopped || usedBytes === undefined) return;
    const { maxBytes } = this.parts.limits;
    const known: Known = this.known.get(agent.key) ?? { agent, triedAt, failures: 0, allowedBytes: maxBytes, halts: 0 };
    this.known.set(agent.key, known);
    known.triedAt = triedAt;
    if (usedBytes === 'unmeasurable') {
      known.failures += 1;
      this.parts.logger.warn({ op: 'disk.unmeasurable', agent: agent.agentId, tenant: agent.tenant, failures: known.failures }, 'disk.unmeasurable');
      if (known.failures >= MAX_FAILURES) await this.haltFull(known, this.notMeasured());
      return;
    }
    known.failures = 0;
    known.first ??= usedBytes;
    known.last = { usedBytes, atMs: Date.now(), freeBytes };
    known.allowedBytes ??= Math.max(maxBytes, usedBytes + ROOM_BYTES);
    if (usedBytes > known.allowedBytes) await this.haltFull(known, this.tooMuch(usedBytes));
  }

  private async haltFull(known: Known, why: string): Promise<void> {
    await this.halt(known.agent, 'workspace_full', `${why} The agent was stopped, and with it its turn. Have it delete what it does not need; a turn that adds more is stopped again. Or remove it with cleanup_inactive_agents.`);
    Object.assign(known, { halts: known.halts + 1, allowedBytes: undefined, first: undefined, failures: 0 });
  }

  /** Stops one agent, and the next only where that was not enough: what was stopped keeps its files. */
  private haltFastest(running: readonly AgentIdentity[], free: number, { since, haltedAtBytes }: NonNullable<DiskWatch['critical']>): void {
    const all = running.map((agent) => this.known.get(agent.key));
    const isPatient = haltedAtBytes !== undefined || all.some((known) => !known || known.triedAt < since);
    if (isPatient && this.looks - since < CRITICAL_LOOKS) return;
    if (haltedAtBytes !== undefined && free > haltedAtBytes - GROWN_BYTES) return;
    const [fastest] = all.flatMap((known) => (known && grown(known) > GROWN_BYTES ? [known] : [])).toSorted((a, b) => grown(b) - grown(a));
    if (!fastest || this.measuring.has(fastest.agent.key)) return;
    this.critical = { since: this.looks, haltedAtBytes: free };
    this.inBackground(fastest.agent, async () => {
      await this.halt(fastest.agent, 'at_capacity', `The disk of this host is nearly full: ${bytesInWords(free)} are left, less than half of DISK_FREE_MIN. Of the agents that run this one has written most, and it was stopped, with its turn. Free space on the host, then call again.`);
      fastest.first = undefined;
    });
  }

  /** Looks go on meanwhile, as an agent can have its measurement take its time. */
  private inBackground({ key }: AgentIdentity, work: () => Promise<void>): void {
    this.measuring.set(key, this.looks);
    void work()
      .catch((error: unknown) => this.warn(error))
      .finally(() => this.measuring.delete(key));
  }

  private async halt(agent: AgentIdentity, code: ErrorCode, message: string): Promise<void> {
    this.parts.logger.warn({ op: 'disk.halt', agent: agent.agentId, tenant: agent.tenant, code, reason: message }, 'disk.halt');
    await this.parts.halt(agent, new AppError(code, message));
  }

  private get isStopped(): boolean {
    return this.timer === undefined;
  }

  private warn(err: unknown): void {
    this.parts.logger.warn({ op: 'disk.watch', err }, 'disk.watch');
  }

  private tooMuch(usedBytes: number): string {
    return `The agent's workspace and home hold ${bytesInWords(usedBytes)}, more than the ${bytesInWords(this.parts.limits.maxBytes)} of WORKSPACE_MAX_BYTES.`;
  }

  private notMeasured(): string {
    return `What the agent's workspace and home hold could not be measured (all of its processes are taken, or it has too many files), which counts as more than the ${bytesInWords(this.parts.limits.maxBytes)} of WORKSPACE_MAX_BYTES.`;
  }
}

const grown = ({ first, last }: Known): number => (first === undefined || !last ? 0 : last.usedBytes - first);
