// @ts-check
// Limits that the linter cannot hold. Lengths of files and functions are oxlint's (max-lines, max-lines-per-function).
import { join } from 'node:path';
import { runAsProgram } from './report.js';
import { codeOf, isScript, isSpec, lineAt, listFiles, readText } from './sources.js';

/** Names that say nothing about what a file holds. */
const vague = /^(?:utils?|utilities|common|core|helpers?|shared|misc)$/;

const readable = /(?:^|\/)(?:Dockerfile[^/]*|run|\.env\.example|\.[a-z]+rc)$|\.(?:[cm]?[jt]s|json|jsonc|md|ya?ml|sh|css|html|toml)$/;

const environment = [
  /(?<![.\w$])process\s*(?:\?\.|\.)?\s*(?:\[\s*['"])?env\b/g,
  /\{[^{}]*\benv\b[^{}]*\}\s*(?:=\s*process\b|from\s*['"](?:node:)?process['"])/g,
];
const readsEnvironment = /^(?:tools|libs\/config|libs\/testing|apps\/e2e)\/|(?:^|\/)main\.ts$|\.config\.[jt]s$/;

const switchableRules = /(?:ox|es)lint-disable(?:-next-line|-line)?\s+(?!.*\b(?:max-lines|max-lines-per-function)\b)[\w@-]/;

/** Where the test runners look: jest for apps and libs, node's own for tools. */
const unitTest = /^(?:libs\/[^/]+|apps\/(?!e2e\/)[^/]+)\/src\/.*\.(?:spec|int-spec|contract-spec)\.ts$/;
const endToEndTest = /^apps\/e2e\/src\/.*\.e2e-spec\.ts$/;
const testSupport = /^(?:apps\/e2e|libs\/testing)\//;
const toolTest = /^tools\/[^/]+\/[^/]+\.spec\.js$/;

/** @typedef {{ file: string, text: string }} Source */

/**
 * Each rule yields the offset of a violation in the text (0 for the file itself) and what to do about it.
 * @type {Record<string, (source: Source) => Iterable<[offset: number, advice: string]>>}
 */
export const rules = {
  *names({ file }) {
    for (const part of file.split('/')) {
      const last = part.split('.').find((piece) => piece !== '')?.split(/[-_]/).at(-1) ?? '';
      if (vague.test(last.toLowerCase())) yield [0, `"${part}" says nothing: name the concept`];
    }
  },

  *marks({ text }) {
    for (const { index, 0: mark } of text.matchAll(/\b(?:TO(?:DO)|FIX(?:ME)|X(?:XX)|HA(?:CK))\b/g)) yield [index, `${mark}: do it now or leave it out`];
  },

  *machinePaths({ text }) {
    for (const { index, 0: path } of text.matchAll(/(?<![\w.}~-])\/(?:work|root|farm)\//g)) yield [index, `${path} is a path of one machine`];
  },

  *environment({ file, text }) {
    if (!isScript(file) || isSpec(file) || readsEnvironment.test(file)) return;
    const code = codeOf(text);
    for (const { index } of environment.flatMap((pattern) => [...code.matchAll(pattern)])) yield [index, 'the environment is read in main.ts, *.config.ts and libs/config only: take the value as a parameter'];
  },

  *suppressions({ file, text }) {
    if (!isScript(file)) return;
    for (const { index, 0: line } of text.matchAll(/^.*\b(?:ox|es)lint-disable.*$/gm)) {
      if (/\/[/*]/.test(line) && !switchableRules.test(line)) yield [index, 'name the one rule that is switched off; lengths cannot be switched off'];
    }
    for (const { index } of text.matchAll(/^.*\/[/*].*@ts-(?:nocheck|ignore)\b/gm)) yield [index, 'use @ts-expect-error with its reason'];
  },

  *unrunTests({ file, text }) {
    const usesRunner = /\bfrom '@jest\/globals'/.test(text) && !testSupport.test(file);
    const looksLikeTest = isSpec(file) || /\.(?:test|e2e)\.[cm]?[jt]s$/.test(file) || usesRunner;
    if (looksLikeTest && ![unitTest, endToEndTest, toolTest].some((runner) => runner.test(file))) yield [0, 'no test runner looks here: *.spec.ts, *.int-spec.ts or *.contract-spec.ts below src, *.e2e-spec.ts in apps/e2e'];
  },
};

/** @param {string} root @returns {import('./report.js').Findings} */
export function checkLimits(root) {
  const files = listFiles(root);
  const violations = files.flatMap((file) => {
    const text = readable.test(file) && file !== 'package-lock.json' ? readText(join(root, file)) : '';
    return Object.entries(rules).flatMap(([rule, check]) => [...check({ file, text })].map(([offset, advice]) => `[${rule}] ${file}:${lineAt(text, offset)} ${advice}`));
  });
  return { seen: `limits: ${files.length} files`, violations };
}

runAsProgram(import.meta.url, checkLimits);
