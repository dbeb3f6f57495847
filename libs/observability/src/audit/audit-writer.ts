import type { Counter } from 'prom-client';
import type { Logger } from '../logger.js';
import type { AuditFile } from './audit-file.js';

const FLUSH_MS = 100;
const SYNC_MS = 1000;
const RETRY_MS = 1000;
/** What waits in memory while nothing can be written; what comes beyond goes to the ordinary log. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** Writes the lines of one file in their order, together; keeps them while it cannot, and says so. */
export class AuditWriter {
  private waiting: string[] = [];
  private waitingBytes = 0;
  private reason: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private syncTimer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> = Promise.resolve();

  constructor(
    private readonly file: AuditFile,
    private readonly counts: Counter<'state'>,
    private readonly logger: Logger,
  ) {}

  /** What keeps the file from being written, as a code or a few words; undefined while nothing does. */
  get failure(): string | undefined {
    return this.reason;
  }

  /** Takes a line that ends with "\n". */
  write(line: string): void {
    if (this.waitingBytes + line.length > MAX_WAITING_BYTES) {
      if (this.reason === undefined) this.failed(new Error('the disk does not answer'));
      return this.unwritten(line);
    }
    this.counts.inc({ state: 'recorded' });
    this.waiting.push(line);
    this.waitingBytes += line.length;
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
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
    await this.flush();
    clearTimeout(this.timer);
    clearTimeout(this.syncTimer);
    for (const line of this.waiting.splice(0)) this.unwritten(line);
    await this.file.sync().catch(() => undefined);
    await this.file.close().catch(() => undefined);
  }

  /** For the very end of a process. */
  keepNow(): void {
    try {
      this.file.appendNow(this.waiting.join(''));
    } catch {
      for (const line of this.waiting) this.unwritten(line);
    }
  }

  private async writeWaiting(): Promise<void> {
    if (this.waiting.length === 0) return;
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
    await this.file.sync().catch((error: unknown) => this.failed(error));
  }

  private failed(error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    if (this.reason === undefined) this.logger.error({ op: 'audit.failing', file: this.file.path, reason: code ?? message }, 'the audit log cannot be written');
    this.reason = code ?? message;
    this.timer ??= setTimeout(() => void this.flush(), RETRY_MS).unref();
  }

  private recovered(): void {
    if (this.reason !== undefined) this.logger.warn({ op: 'audit.recovered', file: this.file.path }, 'the audit log is written again');
    this.reason = undefined;
  }

  private unwritten(line: string): void {
    this.counts.inc({ state: 'unwritten' });
    this.logger.error({ op: 'audit.unwritten', entry: line.trimEnd() }, 'audit.unwritten');
  }
}
