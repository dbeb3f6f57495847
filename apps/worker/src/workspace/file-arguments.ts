import { posix } from 'node:path';
import { AppError, type Placement } from '@codex-mcp/contracts';
import { InlineFile, type TurnTool } from '@codex-mcp/tools';
import type { AgentSession } from '../agents/agent-session.js';
import { CHECK, PUT_INPUTS } from './files/file-scripts.js';
import { toRecord } from './operations/uploading.js';

/** A longer text would leave the model little room for anything else; the agent gets it as a file. */
const LONG_CHARACTERS = 100_000;
const BEGINNING_CHARACTERS = 2000;
/** What is to be done is said, however long it is. */
const ORDERS: ReadonlySet<string> = new Set(['task', 'message', 'requirements']);

type Session = Pick<AgentSession, 'workspace' | 'placement' | 'sandboxPolicy'>;
type Entry = { argument: string; kind: 'e' | 't'; path: string };
type Problem = 'missing' | 'outside';

const SAID: Record<Problem, string> = { missing: 'nothing in the workspace matches', outside: 'these are not in the workspace:' };

/**
 * Arguments of a turn as its prompt is to name them: paths are checked where the agent lives, files that the call brings
 * along become files of the agent's. Throws `invalid_arguments` with all that is wrong. `mayHaveBegun`: the turn may itself
 * have changed what is there, so nothing is checked again.
 */
export async function settleFiles<Args extends object>(tool: TurnTool, args: Args, session: Session, turnId: string, mayHaveBegun: boolean): Promise<Args> {
  const given = new Map(Object.entries(args));
  const listed = (names: readonly string[]) => names.map((name) => [name, (given.get(name) ?? []) as (string | InlineFile)[]] as const);
  const existing = listed(tool.fileArguments.existing);
  const entries = (lists: typeof existing, kind: Entry['kind']) =>
    lists.flatMap(([argument, files]) => files.filter((file) => typeof file === 'string').map((path): Entry => ({ argument, kind, path })));
  if (!mayHaveBegun) await check(tool, [...entries(existing, 'e'), ...entries(listed(tool.fileArguments.targets), 't')], session);
  const inline = existing.flatMap(([, files]) => files.filter((file) => typeof file !== 'string'));
  const long = [...given].flatMap(([name, text]) => (typeof text === 'string' && text.length > LONG_CHARACTERS && !ORDERS.has(name) ? [{ name, file: { path: `arguments/${name}.txt`, content: text } }] : []));
  if (inline.length + long.length === 0) return args;
  const directory = await putInputs(tool, [...inline, ...long.map(({ file }) => file)], session, turnId);
  const named = (file: string | InlineFile): string => (typeof file === 'string' ? file : `${directory}/${file.path} (outside of the workspace; the caller calls it ${file.path})`);
  const files = existing.filter(([name]) => given.has(name)).map(([name, all]) => [name, all.map(named)] as const);
  return { ...args, ...Object.fromEntries([...files, ...long.map(({ name, file }) => [name, beginningOf(file, directory)] as const)]) };
}

const beginningOf = ({ path, content }: InlineFile, directory: string): string =>
  `All ${content.length} characters of this are in the file ${directory}/${path}, outside of the workspace; read it in parts. It begins:\n\n${content.slice(0, BEGINNING_CHARACTERS).replace(/[\uD800-\uDBFF]$/, '')}`;

async function check(tool: TurnTool, entries: Entry[], session: Session): Promise<void> {
  const { workspace, placement } = session;
  if (entries.length === 0) return;
  if (entries.some(({ path }) => /[*?[]/.test(path))) await workspace.prepare();
  const problems = new Map<Entry, Problem>();
  const relative = new Map(entries.map((entry) => [entry, relativePath(entry.path, placement)]));
  const toCheck = entries.filter((entry) => relative.get(entry) !== undefined);
  for (const entry of entries) if (relative.get(entry) === undefined) problems.set(entry, 'outside');
  const words = toCheck.map((entry) => `${entry.kind}${relative.get(entry) ?? ''}`);
  const found = (await workspace.repository.shell(CHECK, words, { sandboxPolicy: session.sandboxPolicy('read') })).split('\0');
  for (let at = 0; at + 1 < found.length; at += 2) {
    for (const entry of toCheck) if (relative.get(entry) === found[at + 1] && !problems.has(entry)) problems.set(entry, found[at] as Problem);
  }
  if (problems.size > 0) throw new AppError('invalid_arguments', `${tool.name}: ${told(problems)}.`);
}

function told(problems: Map<Entry, Problem>): string {
  const groups = new Map<string, string[]>();
  for (const [{ argument, path }, problem] of problems) {
    const group = `${argument}: ${SAID[problem]}`;
    groups.set(group, [...(groups.get(group) ?? []), JSON.stringify(path)]);
  }
  return [...groups].map(([group, paths]) => `${group} ${paths.join(', ')}`).join('; ');
}

/** Relative to the workspace; undefined for what cannot be in it. Its directory may be written as the agent or as the host knows it. */
function relativePath(path: string, { cwd, workspace }: Pick<Placement, 'cwd' | 'workspace'>): string | undefined {
  const roots = [cwd, ...(workspace.kind === 'volume' ? [] : [workspace.path])];
  const normal = posix.normalize(path);
  const root = roots.find((directory) => normal === directory || normal.startsWith(`${directory}/`));
  const rest = root === undefined ? normal : posix.relative(root, normal) || '.';
  return posix.isAbsolute(rest) || rest === '..' || rest.startsWith('../') || rest.includes('\0') ? undefined : rest;
}

/** Returns the directory that the files are in. */
async function putInputs(tool: TurnTool, files: InlineFile[], { workspace, placement }: Session, turnId: string): Promise<string> {
  const twice = files.find(({ path }, at) => files.findIndex((other) => other.path === path) !== at);
  if (twice) throw new AppError('invalid_arguments', `${tool.name}: "${twice.path}" is given twice.`);
  const directory = `${placement.stateDir}/inputs/${turnId}`;
  const upload = await workspace.repository.upload(Buffer.concat(files.flatMap(({ path, content }) => toRecord({ path, content: Buffer.from(content) }))));
  const answer = await workspace.repository.shell(PUT_INPUTS, [directory, upload]);
  if (!answer.startsWith('ok ')) throw new AppError('invalid_arguments', `${tool.name}: ${answer.replace(/^no /, '').trim() || 'Perl is missing where the agent lives, so files cannot be brought along'}.`);
  return directory;
}
