import type { Changes, TestRun, TurnFacts } from '../outputs/turn-facts.schema.js';
import { blocks, bullets, code, fenced, titled } from './markdown.js';

const MAX_DIFF_LINES = 200;
const MAX_COMMANDS = 15;
const MAX_TEST_LINES = 40;

/** The markdown of a turn: what its answer says, then what it changed and ran, then one line on the turn itself. */
export function turnText(answer: string, facts: TurnFacts): string {
  return blocks(answer, changesText(facts.changes), testsText(facts.tests), commandsText(facts.commands), footer(facts));
}

/** The changed files and the beginning of their diff. */
export function changesText(changes: Changes | undefined): string | undefined {
  if (changes === undefined) return undefined;
  if (changes.files.length === 0) return titled('Changes', 'No file was changed.');
  const files = bullets(changes.files.map(fileText));
  return titled('Changes', blocks(files, diffText(changes)));
}

function fileText(file: Changes['files'][number]): string {
  const from = file.previous_path === undefined ? '' : ` from ${code(file.previous_path)}`;
  const counts = [file.additions === undefined ? [] : `+${file.additions}`, file.deletions === undefined ? [] : `-${file.deletions}`].flat();
  const size = file.binary === true ? ' (binary)' : counts.length > 0 ? ` (${counts.join(' ')})` : '';
  return `${code(file.path)} ${file.status}${from}${size}`;
}

function diffText({ diff, truncated, note }: Changes): string {
  const all = diff.split('\n');
  const shown = all.slice(0, MAX_DIFF_LINES);
  const notes = [];
  if (all.length > shown.length) notes.push(`The first ${MAX_DIFF_LINES} of ${all.length} lines; the structured result has the rest.`);
  if (truncated) notes.push(note ?? 'The diff was too large to keep whole; the list of files is complete.');
  return blocks(diff === '' ? undefined : fenced('diff', shown.join('\n')), notes.join(' '));
}

/** What was run, the first commands by name. */
export function commandsText(commands: TurnFacts['commands']): string | undefined {
  const shown = commands.slice(0, MAX_COMMANDS).map((run) => `${code(run.command)}${run.exit_code === undefined ? '' : ` → exit ${run.exit_code}`}`);
  if (commands.length > shown.length) shown.push(`and ${commands.length - shown.length} more`);
  return titled('Commands', bullets(shown));
}

/** How the tests ended; of those that failed after the turn the end of their output. */
export function testsText(tests: readonly TestRun[] | undefined): string | undefined {
  const failed = (tests ?? []).filter((run) => run.run_by === 'server' && run.exit_code !== 0 && run.output);
  const outputs = failed.map(({ output = '' }) => fenced('', output.trimEnd().split('\n').slice(-MAX_TEST_LINES).join('\n')));
  return titled('Tests', blocks(bullets((tests ?? []).map((run) => `${code(run.command)} → ${testOutcome(run)}`)), ...outputs));
}

/** `12 passed, 1 failed, exit 1`, as far as it is known. */
export function testOutcome({ runner, exit_code: exitCode, timed_out: timedOut, passed, failed, skipped, run_by: by }: TestRun): string {
  const counts = Object.entries({ passed, failed, skipped }).flatMap(([name, count]) => (count === undefined ? [] : [`${count} ${name}`]));
  const end = timedOut === true ? ['stopped, as it took too long'] : exitCode === undefined ? [] : [`exit ${exitCode}`];
  const told = [...counts, ...end].join(', ') || 'ended, how is not known';
  const about = [runner, by === 'server' ? 'after the turn' : undefined].filter((part) => part !== undefined).join(', ');
  return about === '' ? told : `${told} (${about})`;
}

export const costText = (dollars: number | undefined): string | undefined => (dollars === undefined ? undefined : `$${dollars < 0.1 ? dollars.toPrecision(2) : dollars.toFixed(2)}`);

function footer(facts: TurnFacts): string {
  const tokens = facts.usage && `${facts.usage.input_tokens} tokens in, ${facts.usage.output_tokens} out`;
  const parts = [`turn ${facts.turn_id}`, `agent ${facts.agent_id}`, facts.model, `${(facts.duration_ms / 1000).toFixed(1)} s`, tokens, costText(facts.cost_usd)];
  return `_${parts.filter((part) => part !== undefined).join(' · ')}_`;
}
