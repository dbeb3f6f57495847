import { turnArguments } from '../arguments/argument.schema.js';
import type { TurnTool } from '../tool.js';
import { materialText } from './prompt.js';

const MAX_CHARACTERS = 80;

/** The beginning of what a call asks for, on one line: its tool's first argument that says anything. */
export function openingOf(tool: TurnTool, args: Record<string, unknown>): string {
  const own = Object.keys(tool.arguments.shape).filter((name) => !(name in turnArguments));
  const line = own.map((name) => oneLine(args[name])).find((content) => content !== '') ?? '';
  const characters = Array.from(new Intl.Segmenter().segment(line), ({ segment }) => segment);
  return characters.length <= MAX_CHARACTERS ? line : `${characters.slice(0, MAX_CHARACTERS).join('')}…`;
}

function oneLine(value: unknown): string {
  const content = Array.isArray(value) ? value.join(', ') : value === undefined ? '' : materialText(value);
  return content.slice(0, 10 * MAX_CHARACTERS).replace(/\s+/g, ' ').trim();
}
