import type { z } from 'zod';
import type { ChangedFile } from '../outputs/turn-facts.schema.js';

/** A change in the workspace that a call names instead of holding it. */
export type ChangeTarget = { kind: 'uncommitted' } | { kind: 'branch' | 'commit'; name: string };

/** Such a change as git has found it, for the prompt. */
export type NamedChange = {
  /** What was compared, such as "Commit 1a2b3c4". */
  compared: string;
  files: z.infer<typeof ChangedFile>[];
  diff: string;
  /** Where the whole diff is, when `diff` leaves files out. */
  diffPath?: string | undefined;
};

const NAMED = /^(branch|commit):\s*(\S+)$/;

/** Reads `uncommitted`, `branch:<base>` and `commit:<sha>`; undefined for text that is itself what to look at. */
export function changeTarget(text: string): ChangeTarget | undefined {
  const trimmed = text.trim();
  if (trimmed === 'uncommitted') return { kind: 'uncommitted' };
  const [, kind, name] = NAMED.exec(trimmed) ?? [];
  return kind && name ? { kind: kind as 'branch' | 'commit', name } : undefined;
}
