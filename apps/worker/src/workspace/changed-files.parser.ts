export type ChangedFile = {
  path: string;
  status: 'added' | 'modified' | 'deleted' | 'renamed';
  previous_path?: string;
  additions?: number;
  deletions?: number;
  binary?: boolean;
};

const STATUS: Record<string, ChangedFile['status']> = { A: 'added', D: 'deleted', R: 'renamed', C: 'added' };

/** Reads `git diff --raw --numstat -z`: first a record for each file with its kind of change, then one with its line counts. */
export function parseChangedFiles(output: string): ChangedFile[] {
  const fields = output.split('\0');
  const files = new Map<string, ChangedFile>();
  for (let at = 0; at < fields.length; ) {
    const field = fields[at] ?? '';
    if (field.startsWith(':')) at += readRaw(field, fields.slice(at + 1, at + 3), files);
    else if (field.includes('\t')) at += readCounts(field, fields.slice(at + 1, at + 3), files);
    else at += 1;
  }
  return [...files.values()];
}

/** `:100644 100644 <sha> <sha> M`, path; a rename (`R100`) has the old path before the new one. */
function readRaw(header: string, [first = '', second = '']: string[], files: Map<string, ChangedFile>): number {
  const letter = header.split(' ')[4]?.charAt(0) ?? 'M';
  const moved = letter === 'R' || letter === 'C';
  const path = moved ? second : first;
  files.set(path, { path, status: STATUS[letter] ?? 'modified', ...(letter === 'R' && { previous_path: first }) });
  return moved ? 3 : 2;
}

/** `<added>\t<deleted>\t<path>`; a rename leaves the path empty and names old and new after it; binary counts are `-`. */
function readCounts(field: string, [, renamedTo = '']: string[], files: Map<string, ChangedFile>): number {
  const [added = '', deleted = '', path = ''] = field.split('\t');
  const file = files.get(path || renamedTo);
  if (file) Object.assign(file, added === '-' ? { binary: true } : { additions: Number(added), deletions: Number(deleted) });
  return path ? 1 : 3;
}
