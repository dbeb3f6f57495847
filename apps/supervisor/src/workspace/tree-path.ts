/** Where changes are prepared inside the directory itself, as only what is on one file system can be put in place at once. */
export const STAGING_PREFIX = '.codex-mcp-apply-';

/** Whether a path is relative, below the directory, and nothing of a repository's own. Paths are bytes: names need not be UTF-8. */
export function isInside(path: Buffer): boolean {
  const names = path.toString('latin1').split('/');
  return !path.includes(0) && names.every((name) => name !== '' && name !== '.' && name !== '..' && name.toLowerCase() !== '.git' && !name.startsWith(STAGING_PREFIX));
}

/** The directories above a path, the outermost first. */
export function parentsOf(path: Buffer): Buffer[] {
  const names = path.toString('latin1').split('/').slice(0, -1);
  return names.map((_, at) => Buffer.from(names.slice(0, at + 1).join('/'), 'latin1'));
}
