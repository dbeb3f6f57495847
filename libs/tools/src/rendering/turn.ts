import type { Changes, TurnFacts } from '../outputs/turn-facts.schema.js';
import { blocks, bullets, code, fenced, titled } from './markdown.js';

const MAX_DIFF_LINES = 200;
const MAX_COMMANDS = 15;

/** The markdown of a turn: what its answer says, then what it changed and ran, then one line on the turn itself. */
export function turnText(answer: string, facts: TurnFacts): string {
  return blocks(answer, changesText(facts.changes), commandsText(facts.commands), footer(facts));
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

function footer(facts: TurnFacts): string {
  const tokens = facts.usage && `${facts.usage.input_tokens} tokens in, ${facts.usage.output_tokens} out`;
  const parts = [`turn ${facts.turn_id}`, `agent ${facts.agent_id}`, facts.model, `${(facts.duration_ms / 1000).toFixed(1)} s`, tokens];
  return `_${parts.filter((part) => part !== undefined).join(' · ')}_`;
}
