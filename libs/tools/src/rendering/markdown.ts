/** Blocks of markdown; those that are empty or undefined fall away. */
export function blocks(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('\n\n');
}

/** A heading with its content; undefined when there is no content. */
export function titled(heading: string, content: string | undefined): string | undefined {
  return content === undefined || content === '' ? undefined : `### ${heading}\n\n${content}`;
}

export function bullets(entries: readonly string[] | undefined): string {
  return (entries ?? []).map((entry) => `- ${nested(entry)}`).join('\n');
}

export function numbered(entries: readonly string[]): string {
  return entries.map((entry, at) => `${at + 1}. ${entry.replaceAll('\n', '\n   ')}`).join('\n');
}

/** Rows below their headings; what would end a cell or a row does not. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Lines that stay lines (hard breaks); those that are empty or undefined fall away. */
export function lines(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('  \n');
}

/** `label: value`, or undefined without a value. */
export function labelled(label: string, value: string | number | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : `${label}: ${value}`;
}

/** Code on a line, safe for text that holds backticks or line breaks. */
export function code(text: string): string {
  const flat = text.replaceAll(/\s*\n\s*/g, ' ⏎ ');
  const fence = fenceFor(flat, 1);
  const padding = fence.length > 1 ? ' ' : '';
  return `${fence}${padding}${flat}${padding}${fence}`;
}

/** A fenced block, whose fence is longer than any run of backticks in the text. */
export function fenced(language: string, text: string): string {
  const fence = fenceFor(text, 3);
  return `${fence}${language}\n${text.replace(/\n$/, '')}\n${fence}`;
}

function fenceFor(text: string, least: number): string {
  const runs = text.match(/`+/g) ?? [];
  return '`'.repeat(runs.reduce((longest, run) => Math.max(longest, run.length + 1), least));
}

const nested = (entry: string): string => entry.replaceAll('\n', '\n  ');
