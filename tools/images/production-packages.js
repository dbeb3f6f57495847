import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Follows the lockfile from the given workspaces through dependencies, required peers and installed optional ones.
 * @param {string} root repository
 * @param {string[]} starts workspaces, such as `apps/worker`
 * @returns {Promise<{ packages: Array<{ path: string, version: string }>, workspaces: string[] }>} installed packages by
 *   their path below `root`, and the workspaces that the starts need, themselves included
 * @throws {Error} if a needed package is not installed
 */
export async function productionPackages(root, starts) {
  const { packages: locked } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const reached = new Set();
  const pending = [...starts];
  while (pending.length > 0) {
    const path = pending.pop();
    if (reached.has(path)) continue;
    reached.add(path);
    for (const [name, optional] of needs(locked[path])) {
      const found = resolve(locked, path, name);
      if (found && existsSync(join(root, found))) pending.push(locked[found].link ? locked[found].resolved : found);
      else if (!optional) throw new Error(`${path} needs ${name}, which is not installed: run npm ci.`);
    }
  }
  const paths = [...reached].toSorted((a, b) => (a < b ? -1 : 1));
  return {
    packages: paths.filter(isInstalled).map((path) => ({ path, version: locked[path].version })),
    workspaces: paths.filter((path) => !isInstalled(path)),
  };
}

const isInstalled = (path) => path.includes('node_modules/');

/** @returns {Array<[name: string, optional: boolean]>} */
function needs({ dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }) {
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  return [
    ...[...Object.keys(dependencies), ...peers].map((name) => [name, name in optionalDependencies]),
    ...Object.keys(optionalDependencies).map((name) => [name, true]),
  ];
}

/** Node's lookup: the nearest node_modules on the way up. */
function resolve(locked, from, name) {
  for (let at = from; at !== ''; at = at.includes('/node_modules/') ? at.slice(0, at.lastIndexOf('/node_modules/')) : '') {
    if (locked[`${at}/node_modules/${name}`]) return `${at}/node_modules/${name}`;
  }
  return locked[`node_modules/${name}`] ? `node_modules/${name}` : undefined;
}
