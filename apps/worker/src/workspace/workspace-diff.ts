import { isUtf8 } from 'node:buffer';
import { AppError } from '@codex-mcp/contracts';
import { LAST } from '@codex-mcp/snapshots';
import { type Change, type ChangedFile, parseChanges } from './changed-files.parser.js';
import type { ShadowRepository } from './shadow-repository.js';

/** Without a bound of the caller's, a longer diff leaves files out; the files are all listed. */
export const MAX_DIFF_BYTES = 1024 * 1024;

/** Beyond this, a file's old or new content is not even compared. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** How much more than a caller wants is read, so that files behind one that is too long are found. */
const SPARE_BYTES = 8 * 1024 * 1024;
const NAMED_FILES = 5;

const IS_BINARY = /^GIT binary patch$/m;
/** Where git's own lines of a part end at the latest: paths are at most 4096 bytes long. */
const HEADER_BYTES = 65_536;

/** In a bare repository no attributes of the workspace are read: what is text there is seen from the bytes alone. */
const GIT = `env -u GIT_WORK_TREE git -c core.bigFileThreshold=${MAX_FILE_BYTES}`;
const OPTIONS = '--no-color --no-ext-diff --no-textconv --find-renames';

/** Arguments are written for the %b of printf, as a path need not be text. The dot keeps a newline at the end. */
const DECODE = `for word; do
  shift; plain=$(printf '%b.' "$word"); set -- "$@" "\${plain%.}"
done`;

/**
 * `$cap` in bytes or 0, `$from`, `$to`, and pathspecs → the list of changes as base64, `.`, and the size of each content;
 * with a cap and without a huge file also `.` and the patch as base64, as `PATCH` makes it for `text`. Both are made side by
 * side; the limit on files ends a patch that is too long.
 */
const COMPARE = `list() { ${GIT} diff ${OPTIONS} --raw --no-abbrev -z "$@"; }
changes=$GIT_DIR/changes.$$.$to patch=
trap '[ -z "$patch" ] || { kill "$patch" || true; wait "$patch" || true; }; rm -f "$changes" "$changes.patch"' EXIT
if [ "$cap" -gt 0 ]; then
  ( ulimit -f $((cap / 512 + 1)); exec ${GIT} -c core.attributesFile=/dev/null diff ${OPTIONS} --binary "$from" "$to" -- "$@" > "$changes.patch" ) 2>/dev/null & patch=$!
fi
list --numstat "$from" "$to" -- "$@" > "$changes"
base64 < "$changes"
echo .
sizes=$(tr '\\0' '\\n' < "$changes" | awk '/^:[0-7]+ [0-7]+ [0-9a-f]+ [0-9a-f]+ [A-Z]/ { print $3; print $4 }' | git cat-file --batch-check='%(objectname) %(objectsize)')
printf '%s\\n' "$sizes"
[ "$cap" -gt 0 ] && [ -z "$(printf '%s\\n' "$sizes" | awk '$2 + 0 > ${MAX_FILE_BYTES}')" ] || exit 0
echo .
wait "$patch" || true
patch=
head -c "$cap" "$changes.patch" | base64`;

/** $1 cap, $2 from, $3 to, then pathspecs → what `COMPARE` prints. */
const LIST = `set -e
${DECODE}
cap=$1 from=$2 to=$3; shift 3
${COMPARE}`;

/**
 * $1 cap, $2 ref, $3 trees that are compared already, then pathspecs → both trees; where they differ and are not those, `.`
 * and what `COMPARE` prints. Where it `isAsLast`, the workspace is mostly what it was when it was last looked at: while
 * it is looked at now, that is compared.
 */
const listNow = (take: string, isAsLast: boolean): string => `set -e
${DECODE}
cap=$1 ref=$2 compared=$3; shift 3
find_from() { git rev-parse --quiet --verify "$ref^{tree}" || true; }
is_new() { [ -n "$1" ] && [ "$1" != "$2" ] && [ "$1 $2" != "$compared" ]; }
last= from= ahead=$GIT_DIR/ahead.$$ running=
${isAsLast ? `if [ -f "$GIT_DIR/${LAST}" ]; then read -r last < "$GIT_DIR/${LAST}"; from=$(find_from); fi` : ''}
if [ -n "$last" ] && is_new "$from" "$last"; then ( to=$last; ${COMPARE} ) > "$ahead" & running=$!; fi
trap '[ -z "$running" ] || wait "$running" || true; rm -f "$ahead"' EXIT
guessed=$last
${take}
[ -n "$from" ] || from=$(find_from)
echo "$from $tree"
is_new "$from" "$tree" || exit 0
echo .
if [ -n "$running" ] && [ "$tree" = "$guessed" ]; then wait "$running"; running=; cat "$ahead"; else ( to=$tree; ${COMPARE} ); fi`;

/** $1 `text` or `binary`: whether git decides what is binary or all is; $2 cap in bytes, $3 from, $4 to, then pathspecs → the patch as base64. */
const PATCH = `set -e
${DECODE}
case $1 in
  binary) attributes=$GIT_DIR/info/binary quoted=true
    [ -f "$attributes" ] || { echo '* -diff' > "$attributes.$$"; mv "$attributes.$$" "$attributes"; };;
  *) attributes=/dev/null quoted=false;;
esac
cap=$2 from=$3 to=$4; shift 4
${GIT} -c core.attributesFile="$attributes" -c core.quotePath="$quoted" diff ${OPTIONS} --binary "$from" "$to" -- "$@" | head -c "$cap" | base64`;

export type Trees = { from: string; to: string };
export type Changes = { diff: string; files: ChangedFile[]; truncated: boolean; note?: string };

/**
 * What changed from one tree to another, byte for byte as `git apply` takes it. What is not UTF-8 is in the diff as a
 * binary patch; what does not fit is left out file by file, so that the rest is still a patch.
 */
export async function diffTrees(repository: ShadowRepository, trees: Trees, pathspecs: string[], maxBytes: number): Promise<Changes> {
  return inFull(repository, trees, pathspecs, maxBytes, await list(repository, trees, pathspecs, maxBytes + SPARE_BYTES));
}

/**
 * The same of what a ref names and the workspace as it is now, which the script `take` finds in `$tree`: all in one go.
 * `from` is empty where nothing has that name; `changes` are those of `last` where its trees are these.
 */
export async function diffNow(repository: ShadowRepository, take: string, ref: string, { pathspecs, maxBytes, last, isAsLast }: Wish): Promise<{ trees: Trees; changes: Changes }> {
  const words = [String(maxBytes + SPARE_BYTES), ref, last ? `${last.trees.from} ${last.trees.to}` : ''].map(encoded);
  const output = await repository.shell(listNow(take, isAsLast), [...words, ...pathspecs.map(encoded)]);
  const [line, listing] = splitOnce(output, '\n.\n');
  const [from = '', to = ''] = line.trimEnd().split(' ');
  const trees = { from, to };
  if (listing !== undefined) return { trees, changes: await inFull(repository, trees, pathspecs, maxBytes, listed(listing)) };
  return { trees, changes: last && from !== '' && from !== to ? last.changes : { diff: '', files: [], truncated: false } };
}

type Wish = { pathspecs: string[]; maxBytes: number; last: { trees: Trees; changes: Changes } | undefined; isAsLast: boolean };

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

async function inFull(repository: ShadowRepository, trees: Trees, pathspecs: string[], maxBytes: number, { changes, patch }: Listing): Promise<Changes> {
  const capBytes = maxBytes + SPARE_BYTES;
  const compared = changes.filter((change) => !change.isHuge);
  const excluded = changes.filter((change) => change.isHuge).flatMap(({ paths }) => paths.map((path) => Buffer.concat([Buffer.from(':(exclude,literal)'), path])));
  const read = (form: 'text' | 'binary') => readParts(repository, form, trees, [...pathspecs.map((spec) => Buffer.from(spec)), ...excluded], capBytes);
  const parts = compared.length === 0 ? [] : assign(patch === undefined ? await read('text') : toParts(patch, capBytes), compared);
  if (parts.some((part) => part !== undefined && !isText(part))) {
    const binary = assign(await read('binary'), compared);
    for (const [at, part] of parts.entries()) if (part !== undefined && !isText(part)) parts[at] = binary[at];
  }
  return compose(changes, new Map(compared.map((change, at) => [change, parts[at]])), maxBytes);
}

type Listed = Change & { isHuge: boolean };
/** The patch comes along where there is a cap for it and no file is too large. */
type Listing = { changes: Listed[]; patch?: Buffer | undefined };

/** The changed files alone, without what changed in them. */
export async function listChanges(repository: ShadowRepository, trees: Trees, pathspecs: string[]): Promise<Listed[]> {
  return (await list(repository, trees, pathspecs, 0)).changes;
}

async function list(repository: ShadowRepository, { from, to }: Trees, pathspecs: string[], capBytes: number): Promise<Listing> {
  return listed(await repository.shell(LIST, [String(capBytes), from, to, ...pathspecs].map(encoded)));
}

function listed(output: string): Listing {
  const [records = '', sizes = '', patch] = output.split('\n.\n');
  const sizeOf = new Map(sizes.split('\n').map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
  const changes = parseChanges(Buffer.from(records, 'base64')).map((change) => {
    const [before, after] = change.blobs;
    return { ...change, isHuge: before !== after && change.blobs.some((blob) => (sizeOf.get(blob) ?? 0) > MAX_FILE_BYTES) };
  });
  return { changes, patch: patch === undefined ? undefined : Buffer.from(patch, 'base64') };
}

/** The patch in the parts that begin with `diff --git`, a last one that was cut off left out. */
async function readParts(repository: ShadowRepository, form: 'text' | 'binary', { from, to }: Trees, pathspecs: Buffer[], capBytes: number): Promise<{ parts: Buffer[]; wasCut: boolean }> {
  const output = await repository.shell(PATCH, [form, String(capBytes), from, to, ...pathspecs].map(encoded));
  return toParts(Buffer.from(output, 'base64'), capBytes);
}

function toParts(patch: Buffer, capBytes: number): { parts: Buffer[]; wasCut: boolean } {
  const starts: number[] = [];
  const header = Buffer.from('\ndiff --git ');
  for (let at = patch.length > 0 ? 0 : -1; at >= 0; at = nextStart(patch, header, at)) starts.push(at);
  const parts = starts.map((start, index) => patch.subarray(start, starts[index + 1]));
  const wasCut = patch.length >= capBytes;
  return { parts: wasCut ? parts.slice(0, -1) : parts, wasCut };
}

function nextStart(patch: Buffer, header: Buffer, from: number): number {
  const found = patch.indexOf(header, from);
  return found === -1 ? -1 : found + 1;
}

/** Each change's part of the patch; undefined for those behind the cut. */
function assign({ parts, wasCut }: { parts: Buffer[]; wasCut: boolean }, changes: Change[]): (Buffer | undefined)[] {
  let at = 0;
  const assigned = changes.map(({ parts: count }) => {
    const own = parts.slice(at, (at += count));
    return own.length === count ? Buffer.concat(own) : undefined;
  });
  if (at !== parts.length && !wasCut) throw new AppError('turn_failed', 'The workspace could not be compared: git told of other files than it listed.');
  return assigned;
}

// JSON carries U+0000, but not every client does.
const isText = (part: Buffer): boolean => isUtf8(part) && !part.includes(0);

function compose(changes: Listed[], partOf: Map<Listed, Buffer | undefined>, maxBytes: number): Changes {
  const kept: Buffer[] = [];
  const reasons = new Map<string, string[]>();
  let room = maxBytes;
  const files = changes.map((change): ChangedFile => {
    const part = partOf.get(change);
    const file = part !== undefined && IS_BINARY.test(part.toString('latin1', 0, HEADER_BYTES)) ? { ...change.file, additions: undefined, deletions: undefined, binary: true } : change.file;
    const reason = whyLeftOut(change, part, room, maxBytes);
    if (part !== undefined && reason === undefined) {
      kept.push(part);
      room -= part.length;
      return file;
    }
    reasons.set(reason ?? '', [...(reasons.get(reason ?? '') ?? []), change.file.path]);
    return { ...file, in_diff: false };
  });
  const note = [...reasons].map(([reason, paths]) => leftOut(paths, reason)).join(' ');
  return { diff: Buffer.concat(kept).toString('utf8'), files, truncated: note !== '', ...(note !== '' && { note }) };
}

function whyLeftOut(change: Listed, part: Buffer | undefined, room: number, maxBytes: number): string | undefined {
  if (change.isHuge) return `larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`;
  if (part === undefined || part.length > room) return `the diff would be longer than ${maxBytes} bytes`;
  // Git has no binary patch of a symbolic link.
  return isText(part) ? undefined : 'a link whose target is not UTF-8';
}

function leftOut(paths: string[], reason: string): string {
  const named = paths.slice(0, NAMED_FILES).join(', ');
  const more = paths.length > NAMED_FILES ? ` and ${paths.length - NAMED_FILES} more` : '';
  return `Left out of the diff (${reason}): ${named}${more}.`;
}

/** For the %b of printf. */
function encoded(word: string | Buffer): string {
  return Buffer.from(word).toString('latin1').replaceAll(/[^A-Za-z0-9_./:(),-]/g, (byte) => `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
