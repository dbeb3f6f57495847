import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The id of this host's supervisor: made once, kept beside its sockets, so that agents stay its own over restarts. */
export async function supervisorIdentity(runDir: string): Promise<string> {
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const file = join(runDir, 'supervisor-id');
  await writeFile(file, randomBytes(6).toString('hex'), { flag: 'wx' }).catch(() => undefined);
  return (await readFile(file, 'utf8')).trim();
}
