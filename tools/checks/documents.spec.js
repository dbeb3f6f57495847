// @ts-check
// Plants a violation of every rule: a rule that stays silent fails here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDocuments, rules } from './documents.js';
import { withTree } from './planted.fixture.js';

const sections = ['Status', 'Context', 'Decision', 'Consequences', 'Alternatives', 'Enforced by'];
const record = sections.map((section) => `## ${section}\ntext\n`).join('\n');
const fence = '```';

const sound = {
  'package.json': { scripts: { check: 'x' } },
  'README.md': `# A\n\`apps/cli/dist/main.js\`, \`apps/<name>/src\`, \`libs/*/src/index.ts\`, \`package.json\`, \`auth.json\`, \`/messages\`, \`docs/adr/NNNN-title.md\`, \`apps/cli/\`, \`node tools/a.js --x\`\n[a](docs/a.md#top), [b](https://host/docs/gone.md)\n${fence}json\n{"path": "docs/gone.md"}\n${fence}\nnpm run check\n`,
  'docs/a.md': '[readme](../README.md) `libs/config/src/index.ts:12`',
  'docs/adr/0001-a-choice.md': record,
  'apps/cli/src/main.ts': '',
  'libs/config/src/index.ts': '',
  'tools/a.js': '',
};

/** @type {Record<keyof typeof rules, Record<string, Record<string, string>>>} */
const planted = {
  paths: {
    'a file that is gone': { 'README.md': 'see `libs/config/src/gone.ts`' },
    'a folder that is gone': { 'SECURITY.md': '`images/agent`' },
    'a command whose script is gone': { 'CHANGELOG.md': 'run `node tools/gone.js`' },
    'a path in a shell block': { 'docs/a.md': `${fence}sh\nnode tools/gone.js\n${fence}\n` },
    'build output without a source': { 'docs/a.md': '`apps/cli/dist/gone.js`' },
    'a pattern without a match': { 'docs/a.md': '`libs/*/gone.ts`' },
    'a bare file name': { 'docs/a.md': '`compose.yml`' },
    'a dead link': { 'docs/a.md': '[a](gone.md)' },
  },
  scripts: { 'a script that is gone': { 'README.md': '`npm run gone`' } },
  readmeLength: { 'a long README': { 'README.md': 'a\n'.repeat(151) } },
  recordForm: {
    'a record without a number': { 'docs/adr/choice.md': record },
    'a number taken twice': { 'docs/adr/0001-another.md': record },
    'a long record': { 'docs/adr/0001-a-choice.md': `${record}${'a\n'.repeat(80)}` },
    ...Object.fromEntries(sections.map((section) => [`a record without ${section}`, { 'docs/adr/0001-a-choice.md': record.replace(`## ${section}\n`, '') }])),
  },
};

test('sound documents have no violation', () => {
  assert.deepEqual(withTree(sound, checkDocuments), { seen: 'documents: 3 files', violations: [] });
});

test('every rule has a planted violation', () => {
  assert.deepEqual(Object.keys(planted).toSorted(), Object.keys(rules).toSorted());
});

for (const [rule, cases] of Object.entries(planted)) {
  for (const [name, tree] of Object.entries(cases)) {
    test(`${rule} reports ${name}`, () => {
      const { violations } = withTree({ ...sound, ...tree }, checkDocuments);
      assert.ok(violations.some((violation) => violation.startsWith(`[${rule}] `)), `silent; reported instead: ${violations.join('; ') || 'nothing'}`);
    });
  }
}

test('a tree without a README is reported', () => {
  assert.deepEqual(withTree({ 'package.json': {} }, checkDocuments).violations, ['[missing] README.md']);
});
