import { ConfigError } from '@codex-mcp/config';
import { Counter, Registry } from 'prom-client';
import type { Logger } from '../logger.js';
import { addGauge } from '../ops-server.js';
import { type AuditAction, type AuditEntry, lineOf } from './audit-entry.js';
import { AuditFile } from './audit-file.js';
import { AuditWriter } from './audit-writer.js';

/** Refusals of one kind that are listed in a second. Whoever is refused could else push out all other refusals by the rotation. */
const MAX_REFUSALS = 50;
const REFUSALS_WINDOW_MS = 1000;

export type AuditConfig = { readonly AUDIT_DIR?: string | undefined; readonly AUDIT_MAX_SIZE: number; readonly AUDIT_KEEP: number };
export type AuditSource = { readonly service: string; readonly instance: string };

/**
 * Who did what: one JSON line for each entry in AUDIT_DIR/<service>.jsonl, what was refused in AUDIT_DIR/<service>-refusals.jsonl, so
 * that refusals, which need no leave, rotate nothing else away. Both are only ever appended to, each rotated by size. `record` costs
 * microseconds and never throws: lines are written together within 100 ms and are on the disk a second later (fdatasync), so that
 * a killed process loses up to 100 ms of them, a crashed machine a little over a second.
 * Where a file cannot be written (a full disk), the service goes on: up to 4 MB of its lines wait and are tried again each second, those
 * beyond go to the ordinary log as `audit.unwritten`; `problem` says so for /health, an error is logged, and
 * `codex_mcp_audit_failing` is 1. Of refusals of one action at most 50 a second are listed; an entry says how many more there were.
 */
export class AuditLog {
  private readonly writers: { readonly allowed: AuditWriter; readonly refused: AuditWriter } | undefined;
  private readonly refusals = new Map<AuditAction, { untilMs: number; listed: number; further: number }>();
  private readonly atExit = () => this.both.forEach((writer) => writer.keepNow());

  /** Without AUDIT_DIR nothing is kept. Throws a ConfigError where the directory cannot be written to. */
  constructor(
    config: AuditConfig,
    private readonly source: AuditSource,
    logger: Logger,
    metrics = new Registry(),
  ) {
    const counts = new Counter({ name: 'codex_mcp_audit_entries_total', help: 'Audit entries: recorded, or unwritten (in the ordinary log instead)', labelNames: ['state'], registers: [metrics] });
    addGauge(metrics, 'codex_mcp_audit_failing', '1 while the audit log cannot be written', () => (this.failure === undefined ? 0 : 1));
    const { AUDIT_DIR: directory } = config;
    const writer = (to: string, name: string) => new AuditWriter(openFile(to, config, name), counts, logger);
    this.writers = directory === undefined ? undefined : { allowed: writer(directory, source.service), refused: writer(directory, `${source.service}-refusals`) };
    if (this.writers) process.once('exit', this.atExit);
    else logger.info({ op: 'audit.off' }, 'AUDIT_DIR is not set: there is no audit log');
  }

  /** What keeps the log from being written; undefined while nothing does. */
  get problem(): string | undefined {
    return this.failure === undefined ? undefined : `The audit log of the ${this.source.service} cannot be written (${this.failure}): free space in AUDIT_DIR, or make it writable.`;
  }

  /** Keeps an entry. Secrets and contents do not belong into it; what looks like a secret is blotted out. */
  record(entry: AuditEntry): void {
    if (!this.writers || (entry.outcome === 'refused' && this.isOneTooMany(entry.action))) return;
    this.write(entry);
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    await Promise.all(this.both.map((writer) => writer.flush()));
  }

  /** Writes what waits; what cannot be written goes to the ordinary log. */
  async close(): Promise<void> {
    for (const [action, { further }] of this.refusals) if (further > 0) this.write({ action, outcome: 'refused', detail: { further } });
    this.refusals.clear();
    await Promise.all(this.both.map((writer) => writer.close()));
    process.off('exit', this.atExit);
  }

  private get both(): readonly AuditWriter[] {
    return this.writers ? [this.writers.allowed, this.writers.refused] : [];
  }

  private get failure(): string | undefined {
    return this.writers?.allowed.failure ?? this.writers?.refused.failure;
  }

  private write(entry: AuditEntry): void {
    this.writers?.[entry.outcome === 'refused' ? 'refused' : 'allowed'].write(lineOf(entry, this.source, Date.now()));
  }

  private isOneTooMany(action: AuditAction): boolean {
    const now = performance.now();
    const known = this.refusals.get(action);
    if (known && now < known.untilMs) {
      if (known.listed < MAX_REFUSALS) known.listed += 1;
      else known.further += 1;
      return known.further > 0;
    }
    if (known && known.further > 0) this.write({ action, outcome: 'refused', detail: { further: known.further } });
    this.refusals.set(action, { untilMs: now + REFUSALS_WINDOW_MS, listed: 1, further: 0 });
    return false;
  }
}

function openFile(directory: string, { AUDIT_MAX_SIZE: maxBytes, AUDIT_KEEP: keep }: AuditConfig, name: string): AuditFile {
  try {
    return new AuditFile({ directory, name, maxBytes, keep });
  } catch (error) {
    throw new ConfigError(`AUDIT_DIR ${directory} cannot be written to (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}). Make it writable for this user, or name another directory.`, { cause: error });
  }
}
