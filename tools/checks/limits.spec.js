// @ts-check
// Plants a violation of every rule: a rule that stays silent fails here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLimits, rules } from './limits.js';
import { withTree } from './planted.fixture.js';

const mark = ['TO', 'DO'].join('');
const fixMark = ['FIX', 'ME'].join('');
const tsIgnore = ['@ts', 'ignore'].join('-');
const home = ['', 'root', ''].join('/');
const disable = ['oxlint', 'disable'].join('-');

/** @type {Record<keyof typeof rules, Record<string, string>>} */
const planted = {
  names: {
    'libs/utils/src/index.ts': '',
    'libs/config/src/helpers.ts': '',
    'libs/config/src/redis-utils.ts': '',
    'libs/config/src/common.service.ts': '',
    'apps/edge/src/shared/a.ts': '',
  },
  marks: { 'libs/config/src/a.ts': `// ${mark}: later`, 'images/agent/Dockerfile': `# ${fixMark}`, 'docs/a.md': `${mark} write` },
  machinePaths: { 'libs/config/src/a.ts': `const fixMark = ['FIX', 'ME'].join('');
const tsIgnore = ['@ts', 'ignore'].join('-');
const home = '${home}.codex';`, '.ci/run': `cd ${home}main`, 'images/redis.yml': `volume: ${home}data` },
  environment: {
    'libs/contracts/src/a.ts': 'const url = process.env.REDIS_URL;',
    'libs/contracts/src/b.ts': "const url = process['env']['REDIS_URL'];",
    'apps/edge/src/c.ts': "import { env as e } from 'node:process';",
    'apps/edge/src/d.ts': 'const { env } = process;',
  },
  suppressions: {
    'libs/config/src/a.ts': `/* ${disable} */`,
    'libs/config/src/b.ts': `// ${disable} max-lines`,
    'libs/config/src/c.ts': `// ${disable}-next-line no-console, max-lines-per-function -- long`,
    'libs/config/src/d.ts': `// ${tsIgnore}`,
  },
  unrunTests: {
    'libs/config/test/a.spec.ts': '',
    'libs/config/src/a.test.ts': '',
    'libs/config/src/a.e2e-spec.ts': '',
    'apps/e2e/src/a.spec.ts': '',
    'tools/a.spec.js': '',
    'libs/config/src/load-spec.ts': "import { it } from '@jest/globals';",
  },
};

const sound = {
  'package.json': {},
  'libs/config/src/index.ts': "// process.env is read in main.ts\nexport const text = 'a /workspace/ path, https://host/work/x';",
  'libs/config/src/environment.ts': 'export const env = process.env;',
  'libs/config/src/shared-memory.int-spec.ts': 'process.env.A;',
  'apps/edge/src/main.ts': 'process.env;',
  'apps/edge/src/a.ts': `// ${disable}-next-line no-await-in-loop -- in order\nconst environment = child.process.env;`,
  'apps/e2e/src/turn.e2e-spec.ts': '',
  'apps/e2e/src/container-spec.ts': '',
  'tools/checks/a.spec.js': '',
};

test('sound files have no violation', () => {
  assert.deepEqual(withTree(sound, checkLimits), { seen: 'limits: 9 files', violations: [] });
});

test('every rule has a planted violation', () => {
  assert.deepEqual(Object.keys(planted).toSorted(), Object.keys(rules).toSorted());
});

for (const [rule, tree] of Object.entries(planted)) {
  for (const [file, text] of Object.entries(tree)) {
    test(`${rule} reports ${file}`, () => {
      const { violations } = withTree({ ...sound, [file]: text }, checkLimits);
      assert.ok(violations.some((violation) => violation.startsWith(`[${rule}] ${file}:`)), `silent; reported instead: ${violations.join('; ') || 'nothing'}`);
    });
  }
}
