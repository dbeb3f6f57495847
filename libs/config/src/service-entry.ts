import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const BUNDLE = 'main.bundle.js';

/** Where the build puts an app's program in one file; its own compiled `main.js` lies beside it. */
export const bundleOf = (root: string, app: string): string => join(root, 'apps', app, 'dist', BUNDLE);

const changedAtMs = (file: string): number => (existsSync(file) ? statSync(file).mtimeMs : 0);

/** Whether an app's bundle was made after the last compilation of everything that it holds. */
export function isBundled(root: string, app: string): boolean {
  const compiled = [join(root, 'apps', app), ...readdirSync(join(root, 'libs')).map((lib) => join(root, 'libs', lib))];
  const bundledAtMs = changedAtMs(bundleOf(root, app));
  return compiled.every((project) => changedAtMs(join(project, 'dist', '.tsbuildinfo')) < bundledAtMs);
}

/** What to start an app with: its bundle, which takes a third of the time to load, or the compiled files where they are newer. */
export const serviceEntry = (root: string, app: string): string => (isBundled(root, app) ? bundleOf(root, app) : join(root, 'apps', app, 'dist', 'main.js'));
