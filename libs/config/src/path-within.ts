import { isAbsolute, relative, sep } from 'node:path';

/** Whether a path is a directory's own or below it, by its components; links are the caller's to resolve. */
export function isPathWithin(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
