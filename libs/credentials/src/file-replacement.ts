import { closeSync, fchmodSync, fchownSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces a file in one step: readers see the old content or the new, and after a crash one of them is on disk.
 * `nextPath` is on the same file system; what is committed is complete there before it takes the file's place.
 */
export class FileReplacement {
  private readonly descriptor: number;

  /** Throws where nothing can be written, so that it is known before there is something to lose. */
  constructor(
    private readonly path: string,
    private readonly nextPath: string,
    reservedBytes = 0,
  ) {
    this.descriptor = openSync(nextPath, 'w', 0o600);
    fchmodSync(this.descriptor, 0o600);
    this.keepOwner();
    if (reservedBytes > 0) writeSync(this.descriptor, Buffer.alloc(reservedBytes));
    fsyncSync(this.descriptor);
    syncDirectory(dirname(nextPath));
  }

  /** The new content, complete and on disk, beside the file. */
  write(text: string): void {
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length; ) written += writeSync(this.descriptor, bytes, written, bytes.length - written, written);
    ftruncateSync(this.descriptor, bytes.length);
    fsyncSync(this.descriptor);
  }

  /** Puts what was written in the file's place. */
  commit(): void {
    closeSync(this.descriptor);
    renameSync(this.nextPath, this.path);
    syncDirectory(dirname(this.path));
  }

  discard(): void {
    closeSync(this.descriptor);
    rmSync(this.nextPath, { force: true });
  }

  /** Root acts for the owner of the file that is there, or of the directory. */
  private keepOwner(): void {
    const before = statSync(this.path, { throwIfNoEntry: false }) ?? statSync(dirname(this.path));
    if (process.getuid?.() === 0 && (before.uid !== 0 || before.gid !== 0)) fchownSync(this.descriptor, before.uid, before.gid);
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
