// @ts-check
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const generatedFolders = new Set(['node_modules', 'dist', '.nx', '.git', 'coverage']);

/**
 * The files of a source tree as sorted paths relative to `root`: what git tracks or would track, and every file where there is no git.
 * @param {string} root
 * @returns {string[]}
 */
export function listFiles(root) {
  const files = (gitFiles(root) ?? walk(root, root)).filter((file) => !file.split('/').some((part) => generatedFolders.has(part)));
  if (files.length === 0) throw new Error(`${root} holds no files: nothing would be checked`);
  return files.toSorted();
}

/** @param {string} root */
function gitFiles(root) {
  if (!existsSync(join(root, '.git'))) return undefined;
  try {
    const output = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 << 20 });
    return output.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
  } catch {
    return undefined; // no git on this machine, or a checkout that git refuses to read
  }
}

/** @param {string} root @param {string} folder @returns {string[]} */
function walk(root, folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (generatedFolders.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(root, path) : [relative(root, path).split(sep).join('/')];
  });
}

/** @param {string} file */
export const readText = (file) => readFileSync(file, 'utf8');

/** @param {string} file */
export const readJson = (file) => JSON.parse(readText(file));

/** Whether only a test runner loads this file. @param {string} file */
export const isSpec = (file) => /\.(?:[a-z0-9]+-)?spec\.[cm]?[jt]s$/.test(file);

/** @param {string} file */
export const isScript = (file) => /\.[cm]?[jt]s$/.test(file);

/** The line, counted from 1, of an offset in a text. @param {string} text @param {number} offset */
export const lineAt = (text, offset) => text.slice(0, offset).split('\n').length;

const token = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`|\{|\}|\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/gy;
const beforeRegExp = /(?:^|[-+*%=(,:[!&|?{};~<>]|\b(?:return|typeof|case|of|in|await|yield|void))\s*$/;

/**
 * The code of a script, same length and lines: comments, template texts and regular expressions blanked, string literals kept.
 * A template's `${…}` stays, for it is code.
 * @param {string} text
 */
export function codeOf(text) {
  let code = '';
  /** Open braces inside each `${` that is not closed yet. @type {number[]} */
  const depths = [];
  for (let at = 0; at < text.length; ) {
    token.lastIndex = at;
    const found = token.exec(text)?.[0];
    if (found === undefined || (isRegExp(found) && !beforeRegExp.test(code.slice(-40)))) {
      code += text[at++];
      continue;
    }
    const closesTemplateHole = found === '}' && depths.at(-1) === 0;
    if (found === '`' || closesTemplateHole) {
      if (closesTemplateHole) depths.pop();
      const end = templateEnd(text, at + 1);
      code += blank(text.slice(at, end));
      if (text.startsWith('${', end - 2)) depths.push(0);
      at = end;
      continue;
    }
    const depth = depths.pop();
    if (depth !== undefined) depths.push(depth + (found === '{' ? 1 : found === '}' ? -1 : 0));
    code += found.startsWith('/') ? blank(found) : found;
    at += found.length;
  }
  return code;
}

/** @param {string} found */
const isRegExp = (found) => found.startsWith('/') && !found.startsWith('//') && !found.startsWith('/*');

/** @param {string} text */
const blank = (text) => text.replace(/[^\n]/g, ' ');

/**
 * The offset behind the end of a template's text: its closing backtick, or the opening of its next hole.
 * @param {string} text
 * @param {number} from
 */
function templateEnd(text, from) {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '`') return at + 1;
    else if (text.startsWith('${', at)) return at + 2;
  }
  return text.length;
}
