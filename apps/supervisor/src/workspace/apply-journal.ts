import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const Entry = z.object({
  path: z.base64(),
  /** What was put there, by its id as a git blob; null: nothing. */
  put: z.object({ mode: z.string(), oid: z.string() }).nullable(),
});

/** What is being written into which directory, and where in it the former files are meanwhile. */
const JournalRecord = z.object({ root: z.string(), staging: z.string(), entries: z.array(Entry) });
export type JournalRecord = z.infer<typeof JournalRecord>;

/** Writes in progress, on the supervisor's own disk: what lies in a directory that others write to is never believed. */
export class ApplyJournal {
  private readonly directory: string;

  constructor(runDir: string) {
    this.directory = join(runDir, 'applies');
  }

  async begin(record: JournalRecord): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const file = this.fileOf(record.root);
    const handle = await open(`${file}.new`, 'w', 0o600);
    await handle.writeFile(JSON.stringify(record));
    await handle.sync();
    await handle.close();
    await rename(`${file}.new`, file);
  }

  async end(root: string): Promise<void> {
    await rm(this.fileOf(root), { force: true });
  }

  /** What was begun in a directory and not ended. */
  async of(root: string): Promise<JournalRecord | undefined> {
    return read(this.fileOf(root));
  }

  async all(): Promise<JournalRecord[]> {
    const names = await readdir(this.directory).catch(asMissing(() => []));
    const records = await Promise.all(names.filter((name) => name.endsWith('.json')).map((name) => read(join(this.directory, name))));
    return records.filter((record) => record !== undefined);
  }

  private fileOf(root: string): string {
    return join(this.directory, `${createHash('sha256').update(root).digest('hex').slice(0, 32)}.json`);
  }
}

async function read(file: string): Promise<JournalRecord | undefined> {
  const text = await readFile(file, 'utf8').catch(asMissing(() => undefined));
  return text === undefined ? undefined : JournalRecord.parse(JSON.parse(text));
}

/** Only a file that is not there is none; one that cannot be read may be the only way back. */
const asMissing = <T>(nothing: () => T) => (error: NodeJS.ErrnoException): T => {
  if (error.code === 'ENOENT') return nothing();
  throw error;
};
