import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, link, lstat, mkdir, readFile, readlink, rename, rm, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { basename, join } from 'node:path';
import { AppError, type FileWrite, type TreeWriteResult } from '@codex-mcp/contracts';
import type { ApplyJournal, JournalRecord } from './apply-journal.js';
import { isInside, parentsOf, STAGING_PREFIX } from './tree-path.js';

type Expected = FileWrite['old'];
type Change = { path: Buffer; old: Expected; new: { mode: NonNullable<Expected>['mode']; content: Buffer } | null; backup: string; staged: string };

/** A file was not what was expected, found before or while the tree was written. */
class ChangedError extends Error {
  constructor(readonly path: Buffer) {
    super('changed');
  }
}

/**
 * Writes into a host directory that others edit at the same time: all changes or none, and never over a byte that
 * was not expected. What is replaced is moved aside first and compared again there, so that an edit in the last moment
 * is found, and put back. A crash in between is made undone by `recover`.
 */
export class TreeWriter {
  constructor(
    private readonly root: string,
    private readonly journal: ApplyJournal,
  ) {}

  async write(files: FileWrite[]): Promise<TreeWriteResult> {
    await this.recover();
    const staging = join(this.root, `${STAGING_PREFIX}${randomBytes(8).toString('hex')}`);
    const changes = files.map((file, at) => toChange(file, at, staging));
    const unexpected = await this.unexpected(changes);
    if (unexpected.length > 0) return { changed: unexpected };
    try {
      await this.stage(changes, staging);
      await this.replace(changes);
    } catch (error) {
      await this.recover();
      await rm(staging, { recursive: true, force: true });
      if (error instanceof ChangedError) return { changed: [error.path.toString()] };
      throw error;
    }
    await this.journal.end(this.root); // from here on it is done
    await rm(staging, { recursive: true, force: true });
    await this.removeEmptyParents(changes);
    return { changed: [] };
  }

  /** Takes back what a crash has left half done. */
  async recover(): Promise<void> {
    const record = await this.journal.of(this.root);
    if (!record) return;
    const staging = join(this.root, record.staging);
    for (const [at, entry] of record.entries.entries()) await this.takeAway(entry, join(staging, `new-${at}`));
    for (const [at, entry] of record.entries.entries()) await this.putBack(Buffer.from(entry.path, 'base64'), join(staging, `old-${at}`));
    await this.journal.end(this.root);
    await rm(staging, { recursive: true, force: true });
  }

  private async unexpected(changes: Change[]): Promise<string[]> {
    const found: string[] = [];
    const leaving = new Set(changes.flatMap(({ path, old }) => (old ? path.toString('latin1') : [])));
    for (const { path, old } of changes) {
      const mayHold = await this.mayHold(path, leaving);
      if (!mayHold || !(await isAs(this.target(path), old))) found.push(path.toString());
    }
    return found;
  }

  private async stage(changes: Change[], staging: string): Promise<void> {
    const owner = await lstat(this.root);
    await mkdir(staging, { mode: 0o700 });
    for (const change of changes) if (change.new) await prepare(change.staged, change.new, await statOf(this.target(change.path)), owner);
    const entries = changes.map(({ path, new: put }): JournalRecord['entries'][number] => ({ path: path.toString('base64'), put: put && { mode: put.mode, oid: blobId(put.content) } }));
    await this.journal.begin({ root: this.root, staging: basename(staging), entries });
  }

  private async replace(changes: Change[]): Promise<void> {
    for (const { path, old, backup } of changes) {
      if (!old) continue;
      if (!(await this.mayHold(path))) throw new ChangedError(path);
      await rename(this.target(path), backup).catch(asChanged(path, 'ENOENT'));
      if (!(await isAs(Buffer.from(backup), old))) throw new ChangedError(path);
    }
    const owner = await lstat(this.root);
    for (const change of changes) {
      if (!change.new) continue;
      if (!(await this.mayHold(change.path))) throw new ChangedError(change.path);
      await this.makeParents(change.path, owner);
      await rmdir(this.target(change.path)).catch(() => undefined); // a directory that has become a file
      // Fails where somebody has just made a file of this name, which stays.
      await link(change.staged, this.target(change.path)).catch(asChanged(change.path, 'EEXIST'));
    }
    // Whoever had a file open may have written to it after it was moved aside.
    for (const { path, old, backup } of changes) if (old && !(await isAs(Buffer.from(backup), old))) throw new ChangedError(path);
  }

  /** What was put there, unless somebody has worked on it since. */
  private async takeAway({ path: encoded, put }: JournalRecord['entries'][number], staged: string): Promise<void> {
    const path = Buffer.from(encoded, 'base64');
    if (!put || !(await this.mayHold(path))) return;
    const [ours, now] = await Promise.all([statOf(Buffer.from(staged)), statOf(this.target(path))]);
    if (isSame(ours, now) && (await isAs(this.target(path), put as Expected))) await unlink(this.target(path));
  }

  private async putBack(path: Buffer, backup: string): Promise<void> {
    const target = this.target(path);
    const [before, now] = await Promise.all([statOf(Buffer.from(backup)), statOf(target)]);
    if (!before || isSame(before, now) || !(await this.mayHold(path))) return;
    await this.makeParents(path, await lstat(this.root));
    await rmdir(target).catch(() => undefined); // a directory that was made where a file was
    // A file that somebody made at this place in the meantime keeps it; the former one goes beside it.
    const isTaken = await link(backup, target).then(() => false, () => true);
    if (isTaken) await rename(backup, Buffer.concat([target, Buffer.from('.before-apply')]));
  }

  private target(path: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.root}/`), path]);
  }

  /** No link on the way, but one that is `leaving`, so that nothing is written elsewhere. */
  private async mayHold(path: Buffer, leaving: ReadonlySet<string> = new Set()): Promise<boolean> {
    for (const parent of parentsOf(path)) {
      const stats = await statOf(this.target(parent));
      if (!stats || leaving.has(parent.toString('latin1'))) return true;
      if (stats.isSymbolicLink()) return false;
      if (!stats.isDirectory()) return true; // a file that becomes a directory; what is expected of it is checked by itself
    }
    return true;
  }

  private async makeParents(path: Buffer, owner: Stats): Promise<void> {
    for (const parent of parentsOf(path)) {
      const target = this.target(parent);
      const made = await mkdir(target).then(() => true, () => false);
      if (made) await chown(target, owner.uid, owner.gid).catch(() => undefined); // only root can, and only root must
    }
  }

  private async removeEmptyParents(changes: Change[]): Promise<void> {
    for (const { path } of changes.filter((change) => !change.new)) {
      for (const parent of parentsOf(path).toReversed()) {
        const removed = await rmdir(this.target(parent)).then(() => true, () => false);
        if (!removed) break;
      }
    }
  }
}

function toChange(file: FileWrite, at: number, staging: string): Change {
  const path = Buffer.from(file.path, 'base64');
  if (!isInside(path)) throw new AppError('invalid_arguments', `"${path.toString()}" is no path that may be written.`);
  const wanted = file.new && { mode: file.new.mode, content: Buffer.from(file.new.content, 'base64') };
  return { path, old: file.old, new: wanted, backup: join(staging, `old-${at}`), staged: join(staging, `new-${at}`) };
}

const asChanged = (path: Buffer, code: string) => (error: NodeJS.ErrnoException): never => {
  throw error.code === code ? new ChangedError(path) : error;
};

const statOf = (path: Buffer): Promise<Stats | undefined> => lstat(path).catch(() => undefined);

const isSame = (one: Stats | undefined, other: Stats | undefined): boolean => one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev;

async function isAs(path: Buffer, expected: Expected): Promise<boolean> {
  const stats = await statOf(path);
  if (!expected || !stats) return !expected && (!stats || stats.isDirectory());
  if (expected.mode === '120000') return stats.isSymbolicLink() && blobId(await readlink(path, { encoding: 'buffer' })) === expected.oid;
  if (!stats.isFile() || ((stats.mode & 0o100) !== 0) !== (expected.mode === '100755')) return false;
  return blobId(await readFile(path)) === expected.oid;
}

const blobId = (content: Buffer): string => createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

/** The new file as it will be: permissions and owner are those of the old one, where there is one. */
async function prepare(staged: string, { mode, content }: { mode: string; content: Buffer }, before: Stats | undefined, root: Stats): Promise<void> {
  const { uid, gid } = before ?? root;
  if (mode === '120000') {
    await symlink(content, staged);
  } else {
    await writeFile(staged, content, { mode: 0o600 });
    await chown(staged, uid, gid).catch(() => undefined); // only root can, and only root must
    await chmod(staged, permissions(before, mode === '100755'));
  }
}

function permissions(before: Stats | undefined, executable: boolean): number {
  const readable = before?.isFile() ? before.mode & 0o666 : 0o644;
  return executable ? readable | ((readable & 0o444) >> 2) : readable;
}
