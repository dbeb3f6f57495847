import { z } from 'zod';

/** Of a file, an executable file, a symbolic link. */
const Mode = z.enum(['100644', '100755', '120000']);

/** One change of a directory on a host. */
export const FileWrite = z.object({
  /** The path relative to the directory, its bytes in base64: names need not be UTF-8. */
  path: z.base64().min(1),
  /** What must be there before, by its id as a git blob; null: nothing. */
  old: z.object({ mode: Mode, oid: z.string().regex(/^[0-9a-f]{40}$/) }).nullable(),
  /** What is there afterwards, its content in base64; null: nothing. */
  new: z.object({ mode: Mode, content: z.base64() }).nullable(),
});
export type FileWrite = z.infer<typeof FileWrite>;

/** Changes of the host directory that an agent works on a copy of: all of them or none. */
export const TreeWrite = z.object({ files: z.array(FileWrite).max(100_000) });
export type TreeWrite = z.infer<typeof TreeWrite>;

/** `changed`: paths that were not as expected; nothing was written then. */
export const TreeWriteResult = z.object({ changed: z.array(z.string()) });
export type TreeWriteResult = z.infer<typeof TreeWriteResult>;
