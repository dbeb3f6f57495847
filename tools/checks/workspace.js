// @ts-check
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, isScript, lineAt, listFiles, readJson, readText } from './sources.js';

/** A project as its own files describe it; read without Nx, so that nothing has to be installed and no graph can be missing.
 * @typedef {object} Project
 * @property {string} name folder name
 * @property {string} root relative to the workspace, as `libs/config`
 * @property {string | undefined} packageName
 * @property {string[]} tags
 * @property {string[]} implicit names of the projects that it depends on without importing them
 * @property {Record<string, string>} dependencies as its package.json declares them
 * @property {Record<string, string>} devDependencies
 * @property {Import[]} imports
 * @property {string[]} files */

/** @typedef {{ file: string, line: number, specifier: string | undefined }} Import a specifier that is computed at run time is undefined */

/** @typedef {{ root: string, projects: Project[], pinned: Record<string, string>, devTools: Set<string> }} Workspace */

const groups = ['apps', 'libs'];

/**
 * Reads every project below apps/ and libs/.
 * @param {string} root
 * @returns {Workspace}
 */
export function readWorkspace(root) {
  const manifest = readJson(join(root, 'package.json'));
  const files = listFiles(root);
  const projects = groups
    .filter((group) => existsSync(join(root, group)))
    .flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}`))
    .filter((folder) => files.some((file) => file.startsWith(`${folder}/`)))
    .map((folder) => readProject(root, folder, files));
  if (projects.length === 0) throw new Error(`no project below ${groups.join(' or ')} in ${root}: nothing would be checked`);
  return { root, projects, pinned: { ...manifest.dependencies, ...manifest.devDependencies }, devTools: new Set(Object.keys(manifest.devDependencies ?? {})) };
}

/** @param {string} root @param {string} folder @param {string[]} files @returns {Project} */
function readProject(root, folder, files) {
  const project = optionalJson(join(root, folder, 'project.json'));
  const manifest = optionalJson(join(root, folder, 'package.json'));
  const scripts = files.filter((file) => file.startsWith(`${folder}/`) && isScript(file));
  return {
    name: folder.slice(folder.indexOf('/') + 1),
    root: folder,
    packageName: manifest.name,
    tags: project.tags ?? [],
    implicit: project.implicitDependencies ?? [],
    dependencies: manifest.dependencies ?? {},
    devDependencies: manifest.devDependencies ?? {},
    imports: scripts.flatMap((file) => importsOf(readText(join(root, file))).map((found) => ({ file, ...found }))),
    files: scripts,
  };
}

/** @param {string} file */
const optionalJson = (file) => (existsSync(file) ? readJson(file) : {});

const statement = /(?:^|[;{}])[^\S\n]*(?:import\s*|(?:import|export)\b[^'"`;()]*?\bfrom\s*)(['"])(?<specifier>[^'"\n]+)\1/gm;
const call = /(?<![.\w$])(?:import|require|require\.resolve|import\.meta\.resolve)\s*\((?:\s*(['"])(?<specifier>[^'"\n]+)\1\s*[,)])?/g;

/**
 * Every module that a script names: import and export statements, import(), require() and resolve().
 * @param {string} text
 * @returns {{ line: number, specifier: string | undefined }[]}
 */
export function importsOf(text) {
  const code = codeOf(text);
  const found = [...code.matchAll(statement), ...code.matchAll(call)];
  return found.map((match) => ({ line: lineAt(code, (match.index ?? 0) + match[0].length), specifier: match.groups?.['specifier'] }));
}
