import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const NEWLINE = 0x0a;
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

export type AuditFileOptions = { readonly directory: string; readonly name: string; readonly maxBytes: number; /** How many former files are kept beside the present one. */ readonly keep: number };

/**
 * `<name>.jsonl`, only ever appended to; a full one becomes `<name>-<time>.jsonl`. Several processes of one name may write to one
 * directory: each write is whole lines at the file's end, and a file that another has rotated or somebody has removed is opened anew.
 */
export class AuditFile {
  readonly path: string;
  private handle: FileHandle | undefined;
  private size = 0;
  /** The last line is not whole: a process died, or a disk became full, while it was written. */
  private isTorn = false;

  /** Makes the directory. Throws where nothing can be written there. */
  constructor(private readonly options: AuditFileOptions) {
    this.path = join(options.directory, `${options.name}.jsonl`);
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    this.appendNow('');
  }

  /** Appends whole lines; resolves with how many of their bytes are in whole lines of the file, less than all where the disk is full. */
  async append(lines: Buffer): Promise<number> {
    let handle = await this.current();
    if (this.size > 0 && this.size + lines.length > this.options.maxBytes) handle = await this.rotate(handle);
    const lead = this.isTorn ? '\n' : '';
    const { bytesWritten } = await handle.write(Buffer.concat([Buffer.from(lead), lines]));
    const taken = bytesWritten - lead.length;
    if (taken < 0) return 0;
    const whole = taken === lines.length ? taken : lines.subarray(0, taken).lastIndexOf(NEWLINE) + 1;
    this.isTorn = whole !== taken;
    return whole;
  }

  /** Has the disk keep what was appended. */
  async sync(): Promise<void> {
    await this.handle?.datasync();
  }

  /** For the very end of a process. */
  appendNow(lines: string): void {
    appendFileSync(this.path, lines, { mode: 0o600 });
  }

  async close(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.close();
  }

  private async current(): Promise<FileHandle> {
    if (this.handle && (await this.isInPlace(this.handle))) return this.handle;
    await this.close();
    const handle = await open(this.path, 'a+', 0o600);
    this.handle = handle;
    this.size = (await handle.stat()).size;
    const last = this.size === 0 ? undefined : (await handle.read(Buffer.alloc(1), 0, 1, this.size - 1)).buffer[0];
    this.isTorn = last !== undefined && last !== NEWLINE;
    return handle;
  }

  private async isInPlace(handle: FileHandle): Promise<boolean> {
    const [present, mine] = await Promise.all([stat(this.path).catch((error: unknown) => (isMissing(error) ? undefined : Promise.reject(error as Error))), handle.stat()]);
    this.size = mine.size;
    return present?.ino === mine.ino;
  }

  private async rotate(handle: FileHandle): Promise<FileHandle> {
    await handle.datasync();
    const { directory, name, keep } = this.options;
    const aside = join(directory, `${name}-${new Date().toISOString().replaceAll(':', '-')}-${randomBytes(2).toString('hex')}.jsonl`);
    // Another process of this name may just have done it.
    await rename(this.path, aside).catch((error: unknown) => (isMissing(error) ? undefined : Promise.reject(error as Error)));
    const former = new RegExp(`^${name}-\\d{4}-[0-9a-fTZ.-]+\\.jsonl$`);
    const files = (await readdir(directory)).filter((file) => former.test(file)).toSorted();
    for (const file of files.slice(0, Math.max(0, files.length - keep))) await rm(join(directory, file), { force: true });
    return this.current();
  }
}
