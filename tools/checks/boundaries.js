// @ts-check
// Module boundaries as data, checked against what the sources import and what each package.json declares.
import { isBuiltin } from 'node:module';
import { basename, dirname, join, posix } from 'node:path';
import { runAsProgram } from './report.js';
import { isSpec, readText } from './sources.js';
import { readWorkspace } from './workspace.js';

/** @typedef {import('./workspace.js').Project} Project */
/** @typedef {import('./workspace.js').Workspace} Workspace */
/** @typedef {import('./workspace.js').Import} Import */

/** What a project of each type may depend on. */
const mayDependOn = { 'type:lib': ['type:lib'], 'type:app': ['type:lib'], 'type:e2e': ['type:lib'] };

/** A project that drives the built apps as processes: Nx builds those first, and no source may name them. */
const drivesApps = 'type:e2e';

/** Packages that a project may import, where that is a closed list. Node's own modules are free. */
const closed = { 'scope:contracts': ['zod'] };

/** Projects for specs and e2e only. */
const testOnly = 'scope:testing';

/** Files above all projects that a project's file of the same name may extend. */
const inherited = new Set(['jest.config.js']);

/**
 * Each rule yields one sentence per violation.
 * @type {Record<string, (project: Project, workspace: Workspace) => Iterable<string>>}
 */
export const rules = {
  *labelled({ name, root, tags, packageName }) {
    const types = tags.filter((tag) => tag in mayDependOn);
    if (types.length !== 1) yield `${root}/project.json has to carry one tag of ${Object.keys(mayDependOn).join(', ')}`;
    if (!tags.includes(`scope:${name}`)) yield `${root}/project.json has to carry the tag scope:${name}`;
    if (packageName?.split('/').at(-1) !== name) yield `${root}/package.json has to name its package after its folder: @…/${name}`;
  },

  *direction(project, workspace) {
    const allowed = project.tags.flatMap((tag) => mayDependOn[/** @type {keyof typeof mayDependOn} */ (tag)] ?? []);
    for (const { target, where, implicit } of dependenciesOf(project, workspace)) {
      if (target === project || target.tags.some((tag) => allowed.includes(tag))) continue;
      if (implicit && project.tags.includes(drivesApps)) continue;
      yield `${where} depends on ${target.root}; ${typeOf(project)} may depend on ${allowed.join(', ')} only`;
    }
  },

  *acyclic(project, workspace) {
    const path = cycleThrough(project, workspace);
    // A cycle is told once, by the member whose folder sorts first.
    if (path && path.every(({ root }) => project.root <= root)) yield `${[...path, project].map(({ root }) => root).join(' → ')} is a cycle`;
  },

  *closed(project, workspace) {
    const list = project.tags.flatMap((tag) => closed[/** @type {keyof typeof closed} */ (tag)] ?? []);
    if (list.length === 0) return;
    const declared = Object.keys(project.dependencies).map((name) => ({ name, where: `${project.root}/package.json` }));
    for (const { name, where } of [...declared, ...packagesOf(project, workspace).filter(({ file }) => !isSpec(file))]) {
      if (!list.includes(name)) yield `${where} uses ${name}; ${project.root} may use ${list.join(', ')} only`;
    }
  },

  *testOnly(project, workspace) {
    if (project.tags.includes(testOnly) || project.tags.includes(drivesApps)) return;
    for (const { target, where, file } of dependenciesOf(project, workspace)) {
      if (file && !isSpec(file) && target.tags.includes(testOnly)) yield `${where} uses ${target.packageName}, which is for specs and e2e`;
    }
  },

  *declared(project, workspace) {
    for (const { name, where, file } of packagesOf(project, workspace)) {
      if (name in project.dependencies) continue;
      if (isSpec(file) && (name in project.devDependencies || workspace.devTools.has(name))) continue;
      yield `${where} uses ${name}, which ${project.root}/package.json does not declare`;
    }
  },

  *pinned(project, workspace) {
    for (const [name, range] of Object.entries({ ...project.dependencies, ...project.devDependencies })) {
      if (range !== '*') yield `${project.root}/package.json gives ${name} the version ${range}; versions stand in the root package.json, here is "*"`;
      const external = !workspace.projects.some(({ packageName }) => packageName === name);
      if (external && !/^\d+\.\d+\.\d+/.test(workspace.pinned[name] ?? '')) yield `${project.root}/package.json declares ${name}, which the root package.json does not pin to an exact version`;
    }
  },

  *entryOnly(project, workspace) {
    for (const { file, line, specifier } of project.imports) {
      const target = workspace.projects.find(({ packageName }) => packageName && specifier?.startsWith(`${packageName}/`));
      if (target) yield `${file}:${line} reaches into ${specifier}; import from ${target.packageName}`;
    }
  },

  *inside(project) {
    for (const { file, line, specifier } of project.imports) {
      if (specifier === undefined || !/^(\.|\/|file:)/.test(specifier)) continue;
      const target = posix.join(dirname(file), specifier);
      const extendsInherited = inherited.has(target) && file === `${project.root}/${basename(target)}`;
      if (!specifier.startsWith('.') || (!target.startsWith(`${project.root}/`) && !extendsInherited)) yield `${file}:${line} leaves its project by ${specifier}; import the other project's package`;
    }
  },

  *literal(project) {
    for (const { file, line, specifier } of project.imports) {
      if (specifier === undefined) yield `${file}:${line} imports a computed name, which no boundary can hold; write the name out`;
    }
  },

  *namedExports({ root, files }, workspace) {
    const index = `${root}/src/index.ts`;
    if (files.includes(index) && /^\s*export\s*\*/m.test(readText(join(workspace.root, index)))) yield `${index} exports with a wildcard; name what the lib offers`;
  },

  *drivenAppsBuilt(project, workspace) {
    if (!project.tags.includes(drivesApps)) return;
    for (const { name, tags } of workspace.projects) {
      if (tags.includes('type:app') && !project.implicit.includes(name)) yield `${project.root}/project.json lacks ${name} in implicitDependencies: its tests would drive an old build`;
    }
  },
};

/** @param {string} root @returns {import('./report.js').Findings} */
export function checkBoundaries(root) {
  const workspace = readWorkspace(root);
  const violations = workspace.projects.flatMap((project) => Object.entries(rules).flatMap(([rule, check]) => [...check(project, workspace)].map((text) => `[${rule}] ${text}`)));
  const imports = workspace.projects.reduce((sum, project) => sum + project.imports.length, 0);
  return { seen: `boundaries: ${workspace.projects.length} projects, ${imports} imports`, violations };
}

/** @param {Project} project */
const typeOf = ({ tags }) => tags.find((tag) => tag in mayDependOn) ?? 'an untagged project';

/** @param {string} specifier */
const packageOf = (specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** The packages that a project's files import, its own and Node's left out. @param {Project} project @param {Workspace} workspace */
function packagesOf(project, workspace) {
  return project.imports.flatMap(({ file, line, specifier }) => {
    if (specifier === undefined || /^(\.|\/|#|file:)/.test(specifier) || isBuiltin(specifier)) return [];
    const known = workspace.projects.find(({ packageName }) => packageName === packageOf(specifier));
    return known === project ? [] : [{ name: packageOf(specifier), file, where: `${file}:${line}` }];
  });
}

/** The projects that a project depends on: imported, declared or implied. @param {Project} project @param {Workspace} workspace */
function dependenciesOf(project, workspace) {
  const manifest = Object.keys({ ...project.dependencies, ...project.devDependencies }).map((name) => ({ name, file: undefined, where: `${project.root}/package.json` }));
  const named = [...manifest, ...packagesOf(project, workspace)].flatMap(({ name, file, where }) => {
    const target = workspace.projects.find(({ packageName }) => packageName === name);
    return target ? [{ target, file, where, implicit: false }] : [];
  });
  const implied = workspace.projects.filter(({ name }) => project.implicit.includes(name));
  return [...named, ...implied.map((target) => ({ target, file: undefined, where: `${project.root}/project.json`, implicit: true }))];
}

/** A way from a project back to itself, shortest first. @param {Project} start @param {Workspace} workspace @returns {Project[] | undefined} */
function cycleThrough(start, workspace) {
  const paths = [[start]];
  const seen = new Set();
  for (const path of paths) {
    for (const { target } of dependenciesOf(/** @type {Project} */ (path.at(-1)), workspace)) {
      if (target === start) return path;
      if (!seen.has(target)) paths.push([...path, target]);
      seen.add(target);
    }
  }
  return undefined;
}

runAsProgram(import.meta.url, checkBoundaries);
