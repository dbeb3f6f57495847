import { isUtf8 } from 'node:buffer';
import { AppError } from '@codex-mcp/contracts';
import { toPathspecs } from '../agent-workspace.js';
import { shownPath } from '../changed-files.parser.js';
import { LIST, READ, SEARCH, SEARCH_BYTES } from '../files/file-scripts.js';
import { parseMatches } from '../files/matches.parser.js';
import type { Look, LookContext } from './operation.js';

const LINES = 2000;
const BYTES = 256 * 1024;
const FILES = 1000;
const RESULTS = 100;

export const readFile: Look<'read_file'> = async (context, { path, offset = 1, limit = LINES, max_bytes: maxBytes = BYTES }) => {
  const answer = Buffer.from(await look(context, READ, [path, offset, limit, maxBytes]), 'base64');
  const firstLine = answer.indexOf('\n');
  const [word, ...numbers] = answer.toString('latin1', 0, Math.max(firstLine, 0)).split(' ');
  if (word !== 'ok') throw refusal('read_file', word === 'no' ? `${numbers.join(' ')} at "${path}"` : 'Perl is missing where the agent lives');
  const [size = 0, lines = 0, shown = 0, cut = 0] = numbers.map(Number);
  const next = offset + shown;
  const goesOn = next <= lines;
  return { path, ...encoded(answer.subarray(firstLine + 1), cut === 1), size, lines, truncated: goesOn || cut === 1, ...(goesOn && { next_offset: next }) };
};

export const listFiles: Look<'list_files'> = async (context, { paths, include_ignored: includeIgnored = false, limit = FILES }) => {
  await context.session.workspace.prepare();
  const answer = Buffer.from(await look(context, LIST, [includeIgnored, limit, ...toPathspecs(paths)]), 'base64').toString('latin1');
  const records = answer.split('\0').slice(0, -1);
  const [word, total] = (records.pop() ?? '').split(' ');
  if (word !== 'ok') throw new AppError('turn_failed', 'The files of the workspace could not be listed; that takes git and perl where the agent lives.');
  return { files: records.map(listedFile), total: Number(total), truncated: Number(total) > records.length };
};

export const search: Look<'search'> = async (context, args) => {
  const { query, literal = false, ignore_case: ignoreCase = false, context_lines: contextLines = 0, include_ignored: includeIgnored = false, max_results: maxResults = RESULTS } = args;
  await context.session.workspace.prepare();
  const answer = await look(context, SEARCH, [query, literal ? '-F' : '-E', ignoreCase, contextLines, includeIgnored, ...toPathspecs(args.paths)]);
  if (!answer.startsWith('ok\n')) throw refusal('search', `The query is no regular expression: ${answer.replace(/^no /, '').trim().slice(0, 500)}`);
  const matches = parseMatches(answer.slice('ok\n'.length), contextLines);
  return { matches: matches.slice(0, maxResults), truncated: matches.length > maxResults || Buffer.byteLength(answer) >= SEARCH_BYTES };
};

/** Runs a script that only reads; without a container, in Codex's own sandbox. */
function look({ session }: LookContext, script: string, args: (string | number | boolean)[]): Promise<string> {
  return session.workspace.repository.shell(script, args.map(String), { sandboxPolicy: session.sandboxPolicy('read') });
}

const refusal = (tool: string, problem: string): AppError => new AppError('invalid_arguments', `${tool}: ${problem}.`);

/** Text where it is text; a line that was cut may end within a character, which is then left off. */
function encoded(bytes: Buffer, wasCut: boolean): { content: string; encoding: 'utf-8' | 'base64' } {
  for (const missing of wasCut ? [0, 1, 2, 3] : [0]) {
    const text = bytes.subarray(0, bytes.length - missing);
    if (isUtf8(text) && !text.includes(0)) return { content: text.toString('utf8'), encoding: 'utf-8' };
  }
  return { content: bytes.toString('base64'), encoding: 'base64' };
}

function listedFile(record: string): { path: string; type: 'file' | 'link' | 'repository'; size: number; executable?: boolean } {
  const [, type = '', size = '', executable, path = ''] = /^(\w+) (\d+) (\d) ([^]*)$/.exec(record) ?? [];
  return { path: shownPath(path.replace(/\/$/, '')), type: type as 'file' | 'link' | 'repository', size: Number(size), ...(executable === '1' && { executable: true }) };
}
