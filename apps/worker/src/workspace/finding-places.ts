import { posix } from 'node:path';
import type { Location } from '@codex-mcp/tools';
import { z } from 'zod';
import type { AgentSession } from '../agents/agent-session.js';
import type { FoundChange } from './named-change.js';
import { SEE_IN_CHANGE, SEE_IN_WORKSPACE } from './named-change.script.js';

const Finding = z.looseObject({ file: z.string().optional(), line: z.number().optional(), end_line: z.number().optional() });
type Finding = z.infer<typeof Finding>;
const Answer = z.looseObject({ findings: z.array(Finding) });

type Session = Pick<AgentSession, 'workspace' | 'placement' | 'sandboxPolicy'>;
type Range = readonly [first: number, last: number];
/** What there is of a path; in a file that the change has deleted, lines are those that it had. */
type Sight = { exists: boolean; lines: number; hunks: Range[] };

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/**
 * Marks each finding that names a file with what there is at its place: in the change that was looked at, else in the
 * workspace. Answers without findings are returned as they are.
 */
export async function withLocations(answer: object, session: Session, change?: FoundChange): Promise<object> {
  const parsed = Answer.safeParse(answer);
  if (!parsed.success) return answer;
  const findings = parsed.data.findings.map((finding) => ({ ...finding, ...(finding.file !== undefined && { file: relative(finding.file, session.placement.cwd) }) }));
  const paths = [...new Set(findings.flatMap(({ file }) => (file === undefined || !isInside(file) ? [] : [file])))];
  const seen = paths.length === 0 ? new Map<string, Sight>() : await look(paths, session, change);
  const changed = change && new Set(change.described.files.map(({ path }) => path));
  return { ...answer, findings: findings.map((finding) => (finding.file === undefined ? finding : { ...finding, location: locationOf(finding, seen.get(finding.file), changed?.has(finding.file)) })) };
}

/** Also a path that the model gave from the root on. */
function relative(file: string, cwd: string): string {
  const path = posix.normalize(file);
  return path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
}

const isInside = (path: string): boolean => path !== '' && !posix.isAbsolute(path) && path !== '..' && !path.startsWith('../');

async function look(paths: string[], session: Session, change: FoundChange | undefined): Promise<Map<string, Sight>> {
  if (!change) return sightsIn(await session.workspace.repository.shell(SEE_IN_WORKSPACE, paths, { sandboxPolicy: session.sandboxPolicy('read') }), paths);
  const former = new Map(change.described.files.map(({ path, previous_path: previous }) => [path, previous ?? path]));
  const { from, to } = change.trees;
  return sightsIn(await change.repository.shell(SEE_IN_CHANGE, [from, to, ...paths.flatMap((path) => [path, former.get(path) ?? path])]), paths);
}

/** For each path one `file <kind>`, then `lines <n>` and the heads of its hunks where there are any. */
function sightsIn(output: string, paths: string[]): Map<string, Sight> {
  const blocks = output.split(/^file /m).slice(1);
  return new Map(paths.map((path, at) => [path, sightOf(blocks[at] ?? 'none')]));
}

function sightOf(block: string): Sight {
  const [kind, ...rest] = block.split('\n');
  const exists = kind !== 'none';
  const hunks = rest.flatMap((line) => hunkIn(line, exists ? 'after' : 'before') ?? []);
  const lines = exists ? Number(/^lines (\d+)$/m.exec(block)?.[1] ?? 0) : Math.max(0, ...hunks.map(([, last]) => last));
  return { exists, lines, hunks };
}

function hunkIn(line: string, side: 'before' | 'after'): [Range] | undefined {
  const [, startBefore, countBefore = '1', startAfter, countAfter = '1'] = HUNK.exec(line) ?? [];
  if (startBefore === undefined) return undefined;
  const [start, count] = side === 'before' ? [Number(startBefore), Number(countBefore)] : [Number(startAfter), Number(countAfter)];
  return [[start, start + Math.max(count, 1) - 1]];
}

/** `isChanged`: whether the file is one of the change that was looked at; undefined where none was. */
function locationOf({ line, end_line: endLine }: Finding, sight: Sight | undefined, isChanged: boolean | undefined): Location {
  if (!sight || (!sight.exists && !isChanged)) return 'not_found';
  if (line === undefined) return isChanged === false ? 'outside_change' : 'verified';
  const last = Math.max(line, endLine ?? line);
  if (last > sight.lines) return 'not_found';
  const touches = isChanged === undefined || (isChanged && sight.hunks.some((hunk) => line <= hunk[1] && last >= hunk[0]));
  return touches ? 'verified' : 'outside_change';
}
