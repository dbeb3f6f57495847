import { AppError, type FileWrite } from '@codex-mcp/contracts';
import type { Trees } from './agent-workspace.js';
import { parseChanges } from './changed-files.parser.js';
import type { ShadowRepository } from './shadow-repository.js';

/** Bytes of contents that are read at a time. */
const BATCH_BYTES = 16 * 1024 * 1024;
/** All contents together are held in memory on their way. */
const MAX_BYTES = 64 * 1024 * 1024;
const BATCH_COUNT = 500;

const NOTHING = '000000';
/** What git can keep and a directory can hold; a nested repository is neither file nor link. */
const WRITABLE = new Set(['100644', '100755', '120000']);

/** Names and contents need not be text, and what a command prints comes as text. */
const RAW = `set -e
git diff --raw -z --no-renames --no-abbrev "$1" "$2" > "$GIT_DIR/raw"
base64 < "$GIT_DIR/raw" | tr -d '\\n'`;
const SIZES = 'printf "%s\\n" "$@" | git cat-file --batch-check="%(objectsize)"';
const SLICE = 'git cat-file blob "$1" | tail -c "+$2" | head -c "$3" | base64 | tr -d "\\n"';
const CONTENTS = 'printf "%s\\n" "$@" | git cat-file --batch | base64 | tr -d "\\n"';

type Mode = NonNullable<FileWrite['old']>['mode'];

/** What it takes to make the second of two trees from the first, file by file; nested repositories are left out. */
export async function fileWrites(repository: ShadowRepository, { from, to }: Trees): Promise<FileWrite[]> {
  const changes = parseChanges(Buffer.from(await repository.shell(RAW, [from, to]), 'base64')).filter(({ modes }) => modes.every((mode) => mode === NOTHING || WRITABLE.has(mode)));
  const contents = await contentsOf(repository, [...new Set(changes.flatMap(({ modes, blobs }) => (modes[1] === NOTHING ? [] : blobs[1])))]);
  return changes.map(({ paths, modes: [before, after], blobs: [oid, next] }) => ({
    path: (paths[0] ?? Buffer.alloc(0)).toString('base64'),
    old: before === NOTHING ? null : { mode: before as Mode, oid },
    new: after === NOTHING ? null : { mode: after as Mode, content: contents.get(next)?.toString('base64') ?? '' },
  }));
}

async function contentsOf(repository: ShadowRepository, oids: string[]): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  let total = 0;
  for (let first = 0; first < oids.length; first += BATCH_COUNT) {
    const some = oids.slice(first, first + BATCH_COUNT);
    const sizes = (await repository.shell(SIZES, some)).trim().split('\n').map(Number);
    total += sizes.reduce((sum, size) => sum + size, 0);
    if (total > MAX_BYTES) throw new AppError('input_too_large', `The changed files are larger than ${MAX_BYTES / 1024 / 1024} MiB together. Apply a part of them at a time, with \`paths\`.`);
    for (const batch of batches(some, sizes)) {
      const [oid = '', ...others] = batch;
      const size = sizes[some.indexOf(oid)] ?? 0;
      if (others.length === 0 && size > BATCH_BYTES) contents.set(oid, await large(repository, oid, size));
      else split(Buffer.from(await repository.shell(CONTENTS, batch), 'base64'), contents);
    }
    for (const [at, oid] of some.entries()) if (contents.get(oid)?.length !== sizes[at]) throw new AppError('turn_failed', 'A changed file could not be read whole; nothing was applied.');
  }
  return contents;
}

async function large(repository: ShadowRepository, oid: string, size: number): Promise<Buffer> {
  const slices: Buffer[] = [];
  for (let at = 0; at < size; at += BATCH_BYTES) slices.push(Buffer.from(await repository.shell(SLICE, [oid, String(at + 1), String(BATCH_BYTES)]), 'base64'));
  return Buffer.concat(slices);
}

function batches(oids: string[], sizes: number[]): string[][] {
  const all: string[][] = [];
  let bytes = BATCH_BYTES;
  for (const [at, oid] of oids.entries()) {
    bytes += sizes[at] ?? 0;
    if (bytes > BATCH_BYTES || all.length === 0) {
      all.push([]);
      bytes = sizes[at] ?? 0;
    }
    all.at(-1)?.push(oid);
  }
  return all;
}

/** `<oid> blob <size>` LF, contents, LF, for each. */
function split(output: Buffer, into: Map<string, Buffer>): void {
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf('\n', at);
    const [oid = '', , size = '0'] = output.toString('latin1', at, end).split(' ');
    into.set(oid, output.subarray(end + 1, end + 1 + Number(size)));
    at = end + 2 + Number(size);
  }
}
