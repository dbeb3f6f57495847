// @ts-check
// Plants a violation of every rule: a rule that stays silent fails here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBoundaries, rules } from './boundaries.js';
import { withTree } from './planted.fixture.js';
import { importsOf } from './workspace.js';

/** @typedef {import('./planted.fixture.js').Tree} Tree */

/**
 * A project of the planted workspace.
 * @param {string} root
 * @param {{ type?: string, uses?: string[], manifest?: object, project?: object, code?: string, index?: string }} options
 * @returns {Tree}
 */
function project(root, { type = root.startsWith('apps/') ? 'app' : 'lib', uses = [], manifest = {}, project: extra = {}, code = '' } = {}) {
  const name = root.slice(5);
  const dependencies = Object.fromEntries(uses.map((used) => [used, '*']));
  return {
    [`${root}/package.json`]: { name: `@x/${name}`, dependencies, ...manifest },
    [`${root}/project.json`]: { name, tags: [`type:${type}`, `scope:${name}`], ...extra },
    [`${root}/src/${root.startsWith('apps/') ? 'main' : 'index'}.ts`]: code,
  };
}

const sound = {
  'package.json': { dependencies: { zod: '4.6.7', rxjs: '7.8.2' }, devDependencies: { jest: '30.5.2' } },
  'jest.config.js': 'export default {};',
  ...project('libs/contracts', { uses: ['zod'], code: "import { z } from 'zod';\nexport { z };" }),
  ...project('libs/config', { uses: ['@x/contracts'], code: "export { z } from '@x/contracts';" }),
  'libs/config/src/config.spec.ts': "import { it } from 'jest';\nimport { readFileSync } from 'node:fs';\nimport './index.js';",
  ...project('libs/testing', { uses: ['@x/contracts'] }),
  ...project('apps/edge', { uses: ['@x/config'], code: "import { z } from '@x/config';\nconst text = `import x from '../../../outside.js'`; // import y from 'undeclared'" }),
  ...project('apps/worker', { uses: ['@x/config', '@x/testing'] }),
  'apps/worker/src/worker.int-spec.ts': "import '@x/testing';",
  ...project('apps/e2e', { type: 'e2e', uses: ['@x/testing'], project: { implicitDependencies: ['edge', 'worker'] }, code: "import '@x/testing';" }),
  'apps/e2e/jest.config.js': "import base from '../../jest.config.js';\nexport default base;",
};

/** Each replaces files of the sound workspace. @type {Record<keyof typeof rules, Record<string, Tree>>} */
const planted = {
  labelled: {
    'no tags': project('libs/config', { project: { tags: [] } }),
    'two types': project('libs/config', { project: { tags: ['type:lib', 'type:app', 'scope:config'] } }),
    'another scope': project('libs/config', { project: { tags: ['type:lib', 'scope:other'] } }),
    'no project.json': { 'libs/fresh/package.json': { name: '@x/fresh' }, 'libs/fresh/src/index.ts': '' },
    'another package name': project('libs/config', { manifest: { name: '@x/other' } }),
  },
  direction: {
    'an app imports an app': project('apps/edge', { uses: ['@x/worker'], code: "import '@x/worker';" }),
    'an app imports an undeclared app': project('apps/edge', { code: "const worker = await import('@x/worker');" }),
    'an app declares an app': project('apps/edge', { uses: ['@x/worker'] }),
    'a lib imports an app': project('libs/config', { code: "import type { A } from '@x/edge';" }),
    'an app implies an app': project('apps/edge', { project: { implicitDependencies: ['worker'] } }),
    'e2e imports an app': { 'apps/e2e/src/a.e2e-spec.ts': "import '@x/edge';" },
  },
  acyclic: {
    'two libs import each other': { ...project('libs/contracts', { uses: ['@x/config'], code: "export { a } from '@x/config';" }) },
    'through a third': { ...project('libs/contracts', { uses: ['@x/third'] }), ...project('libs/third', { uses: ['@x/config'] }) },
  },
  closed: {
    'contracts imports a lib': project('libs/contracts', { uses: ['@x/third'], code: "import '@x/third';" }),
    'contracts imports a package': project('libs/contracts', { uses: ['zod', 'rxjs'], code: "import { of } from 'rxjs';" }),
    'contracts declares a package': project('libs/contracts', { uses: ['zod', 'rxjs'] }),
  },
  testOnly: {
    'an app ships testing': project('apps/edge', { uses: ['@x/testing'], code: "import { f } from '@x/testing';" }),
    'a lib ships testing': project('libs/config', { uses: ['@x/testing'], code: "export { f } from '@x/testing';" }),
  },
  declared: {
    'an undeclared package': project('libs/config', { code: "import { of } from 'rxjs';" }),
    'an undeclared package, by require': project('libs/config', { code: "const { of } = require('rxjs/operators');" }),
    'an undeclared project': project('apps/edge', { code: "import '@x/contracts';" }),
    'a package that only a type names': project('libs/config', { code: "export type O = import('rxjs').Observable<1>;" }),
    'a test tool in shipped code': project('libs/config', { code: "import { jest } from 'jest';" }),
    'an undeclared package in a spec': { 'libs/config/src/config.spec.ts': "import 'rxjs';" },
  },
  pinned: {
    'a version of its own': project('libs/config', { manifest: { dependencies: { zod: '4.6.7' } } }),
    'a package that the root lacks': project('libs/config', { uses: ['left-pad'] }),
    'a range at the root': { 'package.json': { dependencies: { zod: '^4.6.7' } } },
  },
  entryOnly: { 'a deep import': project('apps/edge', { uses: ['@x/config'], code: "import '@x/config/src/secret.js';" }) },
  inside: {
    'a relative path to a lib': project('apps/edge', { code: "import { a } from '../../../libs/config/src/index.js';" }),
    'a spec reaching for the root': { 'libs/config/src/config.spec.ts': "import '../../../jest.config.js';" },
    'an absolute path': project('apps/edge', { code: "import '/opt/a.js';" }),
    'a multi-line import': project('apps/edge', { code: "import {\n  a, // it's\n  b,\n} from '../../worker/src/main.js';" }),
  },
  literal: {
    'a computed import': project('apps/edge', { code: 'const a = await import(name);' }),
    'a template': project('apps/edge', { code: 'const a = await import(`rxjs`);' }),
    'a sum of strings': project('apps/edge', { code: "const a = await import('rx' + 'js');" }),
  },
  namedExports: { 'a wildcard': project('libs/config', { code: "export * from './a.js';" }) },
  drivenAppsBuilt: { 'an app that e2e does not build': project('apps/e2e', { type: 'e2e', project: { implicitDependencies: ['edge'] } }) },
};

test('a sound workspace has no violation', () => {
  assert.deepEqual(withTree(sound, checkBoundaries), { seen: 'boundaries: 6 projects, 9 imports', violations: [] });
});

test('every rule has a planted violation', () => {
  assert.deepEqual(Object.keys(planted).toSorted(), Object.keys(rules).toSorted());
});

for (const [rule, cases] of Object.entries(planted)) {
  for (const [name, tree] of Object.entries(cases)) {
    test(`${rule} reports ${name}`, () => {
      const { violations } = withTree({ ...sound, ...tree }, checkBoundaries);
      assert.ok(violations.some((violation) => violation.startsWith(`[${rule}] `)), `silent; reported instead: ${violations.join('; ') || 'nothing'}`);
    });
  }
}

test('a tree without projects is an error, not a pass', () => {
  assert.throws(() => withTree({ 'package.json': {} }, checkBoundaries), /nothing would be checked/);
  assert.throws(() => withTree({}, checkBoundaries), /nothing would be checked|ENOENT/);
});

test('imports are read past text that only looks like code', () => {
  const code = ["const q = /['\"`]/; // it's", 'const t = `${a({ b: `}` })} import("no")`;', "/* import 'no' */ import yes from 'yes';", "const half = n / 2; import('also') / 1;"].join('\n');
  assert.deepEqual(importsOf(code).map(({ line, specifier }) => [line, specifier]), [[3, 'yes'], [4, 'also']]);
});
