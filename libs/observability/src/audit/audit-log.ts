import { ConfigError } from '@codex-mcp/config';
import { Counter, Registry } from 'prom-client';
import type { Logger } from '../logger.js';
import { addGauge } from '../ops-server.js';
import { type AuditAction, type AuditEntry, lineOf } from './audit-entry.js';
import { AuditFile } from './audit-file.js';

const FLUSH_MS = 100;
const SYNC_MS = 1000;
const RETRY_MS = 1000;
/** What waits in memory while nothing can be written; what comes beyond goes to the ordinary log. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Refusals of one kind that are listed in a second. Whoever is refused could else push out everything by the rotation. */
const MAX_REFUSALS = 50;
const REFUSALS_WINDOW_MS = 1000;

export type AuditConfig = { readonly AUDIT_DIR?: string | undefined; readonly AUDIT_MAX_SIZE: number; readonly AUDIT_KEEP: number };
export type AuditSource = { readonly service: string; readonly instance: string };

/**
 * Who did what: one JSON line for each entry in AUDIT_DIR/<service>.jsonl, only ever appended to, rotated by size. `record` costs
 * microseconds and never throws: lines are written together within 100 ms and are on the disk a second later (fdatasync), so that
 * a killed process loses up to 100 ms of them, a crashed machine a little over a second.
 * Where the file cannot be written (a full disk), the service goes on: up to 4 MB of lines wait and are tried again each second, those
 * beyond go to the ordinary log as `audit.unwritten`; `problem` says so for /health, an error is logged, and
 * `codex_mcp_audit_failing` is 1. Of refusals of one action at most 50 a second are listed; an entry says how many more there were.
 */
export class AuditLog {
  private readonly file: AuditFile | undefined;
  private readonly counts: Counter<'state'>;
  private waiting: string[] = [];
  private waitingBytes = 0;
  private failure: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private syncTimer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> = Promise.resolve();
  private readonly refusals = new Map<AuditAction, { untilMs: number; listed: number; further: number }>();
  private readonly atExit = () => this.keepAtExit();

  /** Without AUDIT_DIR nothing is kept. Throws a ConfigError where the directory cannot be written to. */
  constructor(
    config: AuditConfig,
    private readonly source: AuditSource,
    private readonly logger: Logger,
    metrics = new Registry(),
  ) {
    this.counts = new Counter({ name: 'codex_mcp_audit_entries_total', help: 'Audit entries: recorded, or unwritten (in the ordinary log instead)', labelNames: ['state'], registers: [metrics] });
    addGauge(metrics, 'codex_mcp_audit_failing', '1 while the audit log cannot be written', () => (this.failure === undefined ? 0 : 1));
    this.file = config.AUDIT_DIR === undefined ? undefined : openFile(config.AUDIT_DIR, config, source.service);
    if (this.file) process.once('exit', this.atExit);
    else logger.info({ op: 'audit.off' }, 'AUDIT_DIR is not set: there is no audit log');
  }

  /** What keeps the log from being written; undefined while nothing does. */
  get problem(): string | undefined {
    return this.failure === undefined ? undefined : `The audit log of the ${this.source.service} cannot be written (${this.failure}): free space in AUDIT_DIR, or make it writable.`;
  }

  /** Keeps an entry. Secrets and contents do not belong into it; what looks like a secret is blotted out. */
  record(entry: AuditEntry): void {
    if (!this.file || (entry.outcome === 'refused' && this.isOneTooMany(entry.action))) return;
    this.write(entry);
  }

  /** Writes what waits. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.flushing = this.flushing.then(() => this.writeWaiting());
    return this.flushing;
  }

  /** Writes what waits; what cannot be written goes to the ordinary log. */
  async close(): Promise<void> {
    if (!this.file) return;
    for (const [action, { further }] of this.refusals) if (further > 0) this.write({ action, outcome: 'refused', detail: { further } });
    this.refusals.clear();
    await this.flush();
    clearTimeout(this.timer);
    clearTimeout(this.syncTimer);
    for (const line of this.waiting.splice(0)) this.unwritten(line);
    process.off('exit', this.atExit);
    await this.file.sync().catch(() => undefined);
    await this.file.close().catch(() => undefined);
  }

  private write(entry: AuditEntry): void {
    const line = lineOf(entry, this.source, Date.now());
    if (this.waitingBytes + line.length > MAX_WAITING_BYTES) {
      if (this.failure === undefined) this.failed(new Error('the disk does not answer'));
      return this.unwritten(line);
    }
    this.counts.inc({ state: 'recorded' });
    this.waiting.push(line);
    this.waitingBytes += line.length;
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
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

  private async writeWaiting(): Promise<void> {
    if (!this.file || this.waiting.length === 0) return;
    const bytes = Buffer.from(this.waiting.join(''));
    const count = this.waiting.length;
    try {
      const written = await this.file.append(bytes);
      this.taken(bytes, written, count);
      if (written < bytes.length) throw new Error('the disk is full');
      this.recovered();
      this.syncTimer ??= setTimeout(() => void this.sync(), SYNC_MS).unref();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Forgets the lines that are in the file, and none that came meanwhile. */
  private taken(bytes: Buffer, written: number, count: number): void {
    const lines = written === bytes.length ? count : bytes.subarray(0, written).toString().split('\n').length - 1;
    this.waiting.splice(0, lines);
    this.waitingBytes = this.waiting.reduce((sum, line) => sum + line.length, 0);
  }

  private async sync(): Promise<void> {
    this.syncTimer = undefined;
    await this.file?.sync().catch((error: unknown) => this.failed(error));
  }

  private failed(error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    if (this.failure === undefined) this.logger.error({ op: 'audit.failing', reason: code ?? message }, 'the audit log cannot be written');
    this.failure = code ?? message;
    this.timer ??= setTimeout(() => void this.flush(), RETRY_MS).unref();
  }

  private recovered(): void {
    if (this.failure !== undefined) this.logger.warn({ op: 'audit.recovered' }, 'the audit log is written again');
    this.failure = undefined;
  }

  private unwritten(line: string): void {
    this.counts.inc({ state: 'unwritten' });
    this.logger.error({ op: 'audit.unwritten', entry: line.trimEnd() }, 'audit.unwritten');
  }

  private keepAtExit(): void {
    try {
      this.file?.appendNow(this.waiting.join(''));
    } catch {
      for (const line of this.waiting) this.unwritten(line);
    }
  }
}

function openFile(directory: string, { AUDIT_MAX_SIZE: maxBytes, AUDIT_KEEP: keep }: AuditConfig, name: string): AuditFile {
  try {
    return new AuditFile({ directory, name, maxBytes, keep });
  } catch (error) {
    throw new ConfigError(`AUDIT_DIR ${directory} cannot be written to (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}). Make it writable for this user, or name another directory.`, { cause: error });
  }
}
