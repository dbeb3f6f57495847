import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryDirectory, temporaryDirectory } from '@codex-mcp/testing';

/** A piece of built code, by its file in the repository, and what takes its place. */
export type Mutation = { readonly file: string; readonly find: string; readonly replace: string };

const PACKAGE_SCOPE = '@codex-mcp';

/**
 * A copy of the built product, which a build under way does not touch, with pieces of it changed if asked.
 * Rejects when the code to replace is not there exactly once.
 */
export async function copyBuiltTree(root: string, mutations: readonly Mutation[] = []): Promise<TemporaryDirectory> {
  const tree = await temporaryDirectory('cmm-');
  try {
    for (const kind of ['apps', 'libs']) await copyProjects(root, tree.path, kind, mutations.length > 0);
    await linkModules(root, tree.path);
    for (const mutation of mutations) await apply(tree.path, mutation);
    return tree;
  } catch (error) {
    await tree.remove();
    throw error;
  }
}

/** Changed code is started from its own files: a bundle holds what was there before. */
async function copyProjects(root: string, target: string, kind: string, changed: boolean): Promise<void> {
  const filter = (file: string) => !(changed && file.endsWith('.bundle.js'));
  for (const name of await readdir(join(root, kind))) {
    if (name === 'e2e') continue;
    for (const part of ['package.json', 'dist']) await cp(join(root, kind, name, part), join(target, kind, name, part), { recursive: true, preserveTimestamps: true, filter });
  }
}

/** What is installed is shared; our own packages are those of the copy. */
async function linkModules(root: string, target: string): Promise<void> {
  const modules = join(target, 'node_modules');
  await mkdir(join(modules, PACKAGE_SCOPE), { recursive: true });
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (name !== PACKAGE_SCOPE) await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  for (const name of await readdir(join(target, 'libs'))) await symlink(join(target, 'libs', name), join(modules, PACKAGE_SCOPE, name));
  await cp(join(root, 'package.json'), join(target, 'package.json'));
}

async function apply(target: string, mutation: Mutation): Promise<void> {
  await writeFile(join(target, mutation.file), await mutated(target, mutation));
}

/** A built file as a mutation makes it. Rejects when the code to replace is not there exactly once. */
export async function mutated(root: string, { file, find, replace }: Mutation): Promise<string> {
  const pieces = (await readFile(join(root, file), 'utf8')).split(find);
  if (pieces.length !== 2) throw new Error(`${file} holds ${pieces.length - 1} times what this mutant replaces: ${find}`);
  return pieces.join(replace);
}
