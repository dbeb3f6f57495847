import { type AgentIdentity, AppError, type ErrorCode } from '@codex-mcp/contracts';
import type { Logger } from '@codex-mcp/observability';
import type { AgentRuntime } from '../runtime/agent-runtime.port.js';
import { bytesInWords } from './bytes-in-words.js';

const INTERVAL_MS = 1000;
/** The disk's free space tells when it is time to measure; this is for what others free meanwhile. */
const MEASURED_EVERY_MS = 30_000;
/** What an agent beyond its limit may still write while it makes room. */
const ROOM_BYTES = 32 * 1024 * 1024;

export type DiskLimits = { maxBytes: number; minFreeBytes: number };
type Measured = { usedBytes: number; atMs: number; freeBytes: number };
type Known = { agent: AgentIdentity; first: number; last: Measured; /** What it may grow to; its limit, or a little more than it has where that is more. */ allowedBytes: number; halts: number };

export type DiskWatchParts = {
  runtime: Pick<AgentRuntime, 'diskUsage' | 'freeDiskBytes'>;
  /** Agents whose turns run on this host. */
  busy: () => Promise<AgentIdentity[]>;
  /** Ends the agent at once, and tells its turn why. */
  halt: (agent: AgentIdentity, error: AppError) => Promise<void>;
  logger: Logger;
  limits: DiskLimits;
  intervalMs?: number;
};

/** Keeps agents from filling this host's disk: each has a limit, and all of them together leave some space. */
export class DiskWatch {
  private readonly known = new Map<string, Known>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(private readonly parts: DiskWatchParts) {}

  start(): void {
    this.timer = setTimeout(() => {
      this.looking = this.look().catch((error: unknown) => this.parts.logger.warn({ op: 'disk.watch', err: error }, 'disk.watch'));
      void this.looking.then(() => this.timer && this.start());
    }, this.parts.intervalMs ?? INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.looking;
  }

  /** Throws `at_capacity` where the disk has no room for a new agent. */
  async mustHaveRoom(): Promise<void> {
    const free = await this.parts.runtime.freeDiskBytes();
    const { minFreeBytes } = this.parts.limits;
    if (free !== undefined && free < minFreeBytes) {
      throw new AppError('at_capacity', `The disk of this host has ${bytesInWords(free)} left, and new agents are made while DISK_FREE_MIN (${bytesInWords(minFreeBytes)}) are free. Remove agents with cleanup_inactive_agents, or free space on the host.`);
    }
  }

  /**
   * Why an agent that runs may not write, for one that was stopped for it twice and still holds too much. After the first
   * time it may make room: it then has a little more than it holds.
   */
  async refusal(agent: AgentIdentity): Promise<string | undefined> {
    const known = this.known.get(agent.key);
    if (!known || known.halts === 0) return undefined;
    const usedBytes = await this.parts.runtime.diskUsage(agent);
    if (usedBytes === undefined) return undefined;
    const { maxBytes } = this.parts.limits;
    if (usedBytes <= maxBytes) {
      this.known.delete(agent.key);
      return undefined;
    }
    known.allowedBytes = usedBytes + ROOM_BYTES;
    return known.halts < 2 ? undefined : `${this.tooMuch(usedBytes)} It was stopped for that twice: remove it with cleanup_inactive_agents and remove: true, or raise the limit.`;
  }

  forget({ key }: Pick<AgentIdentity, 'key'>): void {
    this.known.delete(key);
  }

  private async look(): Promise<void> {
    const [busy, free] = await Promise.all([this.parts.busy(), this.parts.runtime.freeDiskBytes()]);
    if (free === undefined) return;
    const isCritical = free < this.parts.limits.minFreeBytes / 2;
    for (const agent of busy) if (isCritical || this.isDue(agent, free)) await this.measure(agent, free);
    if (isCritical) await this.haltFastest(busy, free);
    // What rests does not grow; what it was stopped for is remembered.
    const keys = new Set(busy.map(({ key }) => key));
    for (const [key, { halts }] of this.known) if (halts === 0 && !keys.has(key)) this.known.delete(key);
  }

  /** Nobody can have written more than the disk has lost. */
  private isDue({ key }: AgentIdentity, free: number): boolean {
    const known = this.known.get(key);
    if (!known) return true;
    const { last, allowedBytes } = known;
    return Date.now() - last.atMs > MEASURED_EVERY_MS || last.freeBytes - free > (allowedBytes - last.usedBytes) / 2;
  }

  private async measure(agent: AgentIdentity, freeBytes: number): Promise<void> {
    const usedBytes = await this.parts.runtime.diskUsage(agent);
    if (usedBytes === undefined) return;
    const { maxBytes } = this.parts.limits;
    const known = this.known.get(agent.key) ?? { agent, first: usedBytes, last: { usedBytes, atMs: 0, freeBytes }, allowedBytes: maxBytes, halts: 0 };
    known.last = { usedBytes, atMs: Date.now(), freeBytes };
    this.known.set(agent.key, known);
    if (usedBytes <= known.allowedBytes) return;
    known.halts += 1;
    known.allowedBytes = Number.POSITIVE_INFINITY; // until its next start, which may come before `refusal` does
    await this.halt(agent, 'workspace_full', `${this.tooMuch(usedBytes)} Its turn was stopped. Have it delete what it does not need; a turn that adds more is stopped again. Or remove it with cleanup_inactive_agents.`);
  }

  private async haltFastest(busy: readonly AgentIdentity[], free: number): Promise<void> {
    const growing = busy.flatMap(({ key }) => this.known.get(key) ?? []).toSorted((a, b) => b.last.usedBytes - b.first - (a.last.usedBytes - a.first));
    const [fastest] = growing;
    if (fastest) await this.halt(fastest.agent, 'at_capacity', `The disk of this host is nearly full: ${bytesInWords(free)} are left, less than half of DISK_FREE_MIN. Of the agents at work this one has written most, and its turn was stopped. Free space on the host, then call again.`);
  }

  private async halt(agent: AgentIdentity, code: ErrorCode, message: string): Promise<void> {
    this.parts.logger.warn({ op: 'disk.halt', agent: agent.agentId, tenant: agent.tenant, code, reason: message }, 'disk.halt');
    await this.parts.halt(agent, new AppError(code, message));
  }

  private tooMuch(usedBytes: number): string {
    return `The agent's workspace and home hold ${bytesInWords(usedBytes)}, more than the ${bytesInWords(this.parts.limits.maxBytes)} of WORKSPACE_MAX_BYTES.`;
  }
}
