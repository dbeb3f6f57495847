import { isUtf8 } from 'node:buffer';

export type ChangedFile = {
  path: string;
  status: 'added' | 'modified' | 'deleted' | 'renamed';
  previous_path?: string;
  additions?: number;
  deletions?: number;
  binary?: boolean;
  in_diff?: boolean;
};

/** One record of git's: the file as callers get to see it, and what git calls it. */
export type Change = {
  file: ChangedFile;
  /** Ids of the content before and after; zeros where there is none. */
  blobs: [before: string, after: string];
  /** As git writes them, such as 100644; zeros where there is no file. */
  modes: [before: string, after: string];
  /** As bytes, because a path need not be UTF-8. */
  paths: Buffer[];
  /** How many parts of a patch tell of it: one that turns into another type of file is deleted and created. */
  parts: 1 | 2;
};

const STATUS: Record<string, ChangedFile['status']> = { A: 'added', D: 'deleted', R: 'renamed', C: 'added' };

/** Reads `git diff --raw --no-abbrev --numstat -z`: first a record for each file with its kind of change, then one with its line counts. */
export function parseChanges(output: Buffer): Change[] {
  // Latin-1 keeps every byte as one character, whatever the paths are written in.
  const fields = output.toString('latin1').split('\0');
  const changes = new Map<string, Change>();
  for (let at = 0; at < fields.length; ) {
    const field = fields[at] ?? '';
    if (field.startsWith(':')) at += readRaw(field, fields.slice(at + 1, at + 3), changes);
    else if (field.includes('\t')) at += readCounts(field, fields.slice(at + 1, at + 3), changes);
    else at += 1;
  }
  return [...changes.values()];
}

/** `:100644 100644 <sha> <sha> M`, path; a rename (`R100`) has the old path before the new one. */
function readRaw(header: string, [first = '', second = '']: string[], changes: Map<string, Change>): number {
  const [modeBefore = '', modeAfter = '', before = '', after = '', kind = 'M'] = header.slice(1).split(' ');
  const letter = kind.charAt(0);
  const moved = letter === 'R' || letter === 'C';
  const path = moved ? second : first;
  const file: ChangedFile = { path: shownPath(path), status: STATUS[letter] ?? 'modified', ...(letter === 'R' && { previous_path: shownPath(first) }) };
  const paths = (moved ? [first, second] : [first]).map((name) => Buffer.from(name, 'latin1'));
  changes.set(path, { file, blobs: [before, after], modes: [modeBefore, modeAfter], paths, parts: letter === 'T' ? 2 : 1 });
  return moved ? 3 : 2;
}

/** `<added>\t<deleted>\t<path>`; a rename leaves the path empty and names old and new after it; binary counts are `-`. */
function readCounts(field: string, [, renamedTo = '']: string[], changes: Map<string, Change>): number {
  const [, added = '', deleted = '', path = ''] = /^([^\t]*)\t([^\t]*)\t([^]*)$/.exec(field) ?? [];
  const file = changes.get(path || renamedTo)?.file;
  if (file) Object.assign(file, added === '-' ? { binary: true } : { additions: Number(added), deletions: Number(deleted) });
  return path ? 1 : 3;
}

/** A path (bytes as Latin-1) as text: one that is not UTF-8 is shown as git quotes it: `"caf\351.txt"`. */
export function shownPath(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : `"${latin1.replaceAll(/["\\]|[^ -~]/g, quotedByte)}"`;
}

const quotedByte = (byte: string): string => (byte === '"' || byte === '\\' ? `\\${byte}` : `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`);
