// @ts-check
// Documents may not name what is gone: paths, links and npm scripts exist; the README and the decision records keep their form.
import { join, posix } from 'node:path';
import { runAsProgram } from './report.js';
import { lineAt, listFiles, readJson, readText } from './sources.js';

const checked = /^(?:README|SECURITY|CHANGELOG|CONTRIBUTING)\.md$|^(?:docs|apps|libs|images|tools)\/.*\.md$/;
const record = /^docs\/adr\/(?!README\.md$)/;
const readmeLines = 150;
const recordLines = 80;
const recordSections = ['status', 'context', 'decision', 'consequences', 'alternatives', 'enforced by'];

/** Folders of this repository, also where one was removed since. */
const folders = ['apps', 'libs', 'tools', 'images', 'docs', '.ci', '.github'];

/** File names that documents mention and that are a user's, not this repository's. */
const foreign = new Set(['auth.json', 'config.toml', 'AGENTS.md', 'codex-mcp.json', 'SKILL.md', 'hooks.json', 'requirements.toml', 'mcp.json', '.mcp.json', 'claude_desktop_config.json', 'daemon.json']);
const fileName = /^\.?[\w-]+(?:\.[\w-]+)*\.(?:[cm]?[jt]s|json|md|ya?ml|sh|toml|example)$/;

/** @typedef {{ file: string, text: string, files: string[], scripts: Record<string, string> }} Document */

/**
 * Each rule yields the offset of a violation in the document and what is wrong.
 * @type {Record<string, (document: Document) => Iterable<[offset: number, problem: string]>>}
 */
export const rules = {
  *paths({ file, text, files }) {
    for (const { offset, word } of wordsInCode(text)) {
      if (isRepositoryPath(word)) {
        if (!matches(word, files)) yield [offset, `${word} does not exist`];
      } else if (fileName.test(word) && !foreign.has(word) && !files.some((known) => posix.basename(known) === word)) {
        yield [offset, `no file is called ${word} (if it is not one of this repository, add it to "foreign" in tools/checks/documents.js)`];
      }
    }
    for (const { index, groups } of prose(text).matchAll(/\]\((?<target>[^)\s#]+)[^)]*\)/g)) {
      const target = groups?.['target'] ?? '';
      if (/^[a-z]+:/.test(target)) continue;
      const path = posix.normalize(posix.join(posix.dirname(file), target)).replace(/\/$/, '');
      if (!matches(path, files)) yield [index, `the link to ${target} leads nowhere`];
    }
  },

  *scripts({ text, scripts }) {
    for (const { index, 1: script } of text.matchAll(/\bnpm run ([\w:-]+)/g)) {
      if (script && !(script in scripts)) yield [index, `package.json has no script "${script}"`];
    }
  },

  *readmeLength({ file, text }) {
    const lines = lineCount(text);
    if (file === 'README.md' && lines > readmeLines) yield [text.length, `${lines} lines, at most ${readmeLines}: move detail to docs/`];
  },

  *recordForm({ file, text, files }) {
    if (!record.test(file)) return;
    const number = /^docs\/adr\/(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.md$/.exec(file)?.[1];
    if (!number) yield [0, 'a decision record is called docs/adr/NNNN-its-title.md'];
    else if (files.some((other) => other !== file && other.startsWith(`docs/adr/${number}-`))) yield [0, `${number} is taken by another record`];
    if (lineCount(text) > recordLines) yield [text.length, `${lineCount(text)} lines, at most ${recordLines}`];
    for (const section of recordSections) {
      if (!new RegExp(`^#+ +${section}\\b`, 'im').test(text)) yield [0, `has no heading "${section}"`];
    }
  },
};

/** @param {string} root @returns {import('./report.js').Findings} */
export function checkDocuments(root) {
  const files = listFiles(root);
  const { scripts = {} } = readJson(join(root, 'package.json'));
  const documents = files.filter((file) => checked.test(file));
  if (!documents.includes('README.md')) return { seen: `documents: ${documents.length} files`, violations: ['[missing] README.md'] };
  const violations = documents.flatMap((file) => {
    const text = readText(join(root, file));
    return Object.entries(rules).flatMap(([rule, check]) => [...check({ file, text, files, scripts })].map(([offset, problem]) => `[${rule}] ${file}:${lineAt(text, offset)} ${problem}`));
  });
  return { seen: `documents: ${documents.length} files`, violations };
}

const fence = /^ *(```+|~~~+)(?<language>\w*)[^\n]*\n[\s\S]*?^ *\1 *$/gm;
const shells = new Set(['sh', 'bash', 'shell', 'console']);

/** The text without its fenced blocks; shell blocks stay if asked for. @param {string} text @param {boolean} [keepShell] */
function prose(text, keepShell = false) {
  return text.replace(fence, (block, _mark, language) => (keepShell && shells.has(language) ? block : block.replace(/[^\n]/g, ' ')));
}

/** The words of inline code and of shell blocks. @param {string} text */
function wordsInCode(text) {
  const withShell = prose(text, true);
  const spans = [...prose(text).matchAll(/`([^`\n]+)`/g), ...withShell.matchAll(fence)];
  return spans.flatMap((span) =>
    [...span[0].matchAll(/[^\s`'"()=,;|]+/g)].map((match) => ({ offset: span.index + match.index, word: match[0].replace(/^\.\//, '').replace(/(?::\d+)?[.:/]*$/, '') })),
  );
}

/** @param {string} word */
const isRepositoryPath = (word) => folders.some((folder) => word.startsWith(`${folder}/`));

/**
 * Whether a path, in which `*`, `<name>`, `{a,b}`, `…` and `NNNN` stand for anything, is a file or a folder.
 * Build output counts as its source.
 * @param {string} path @param {string[]} files
 */
function matches(path, files) {
  const source = path.replace(/^((?:apps|libs)\/[^/]+)\/dist(?=\/|$)/, '$1/src').replace(/(\/src\/.*)\.js$/, '$1.ts');
  if (source === '.' || source === '') return true;
  const pattern = source.split(/(\*+|<[^>]*>|\{[^}]*\}|…|\.\.\.|NNNN[^/]*)/).map((piece, index) => (index % 2 ? '.*' : piece.replace(/[.+?^$()[\]|\\{}]/g, '\\$&')));
  const whole = new RegExp(`^${pattern.join('')}(?:/|$)`);
  return files.some((file) => whole.test(file));
}

/** @param {string} text */
const lineCount = (text) => text.replace(/\n$/, '').split('\n').length;

runAsProgram(import.meta.url, checkDocuments);
