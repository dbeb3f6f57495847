import { type Check, isMet, median, type Row, type Section } from './result.js';

const COLUMNS = [44, 10, 14, 7] as const;

/** A section as lines of text: a row for each subject, then the targets. */
export function formatSection(section: Section): string {
  const header = [section.title, 'median', 'min–max', 'n'].map((cell, index) => pad(cell, index)).join('');
  const lines = [header, ...section.rows.map((row) => formatRow(row, section)), ...section.checks.map(formatCheck), ...(section.notes ?? []).map((note) => `  ${note}`)];
  return `${lines.join('\n')}\n`;
}

function formatRow(row: Row, { rows, unit }: Section): string {
  const [least, most] = [Math.min(...row.samples), Math.max(...row.samples)];
  const cells = [`  ${row.label}`, `${digits(median(row.samples))} ${unit}`, row.samples.length > 1 ? `${digits(least)}–${digits(most)}` : '', String(row.samples.length)];
  const ratios = (row.comparedTo ?? []).map((label) => `${ratio(row, rows, label).toFixed(2)}× ${label}`);
  return `${cells.map((cell, index) => pad(cell, index)).join('')}  ${ratios.join(', ')}`.trimEnd();
}

function formatCheck(check: Check): string {
  const [measured, limit] = [check.measured, check.limit].map((value) => (check.unit === '×' ? `${value.toFixed(2)}×` : `${digits(value)} ${check.unit}`));
  return `  target: ${check.target} ≤ ${limit}: ${measured}, ${isMet(check) ? 'met' : 'missed'}`;
}

function ratio(row: Row, rows: readonly Row[], label: string): number {
  return median(row.samples) / median(rows.find((other) => other.label === label)?.samples ?? []);
}

function pad(cell: string, column: number): string {
  const width = COLUMNS[column] ?? 0;
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

const digits = (value: number): string => value.toFixed(Math.abs(value) < 5 ? 2 : Math.abs(value) < 100 ? 1 : 0);

/** All that was measured, for machines. */
export function toJson(machine: object, sections: readonly Section[]): string {
  const described = sections.map((section) => ({
    ...section,
    rows: section.rows.map((row) => ({ ...row, median: median(row.samples), min: Math.min(...row.samples), max: Math.max(...row.samples), n: row.samples.length })),
    checks: section.checks.map((check) => ({ ...check, met: isMet(check) })),
  }));
  return `${JSON.stringify({ machine, at: new Date().toISOString(), sections: described }, null, 2)}\n`;
}
