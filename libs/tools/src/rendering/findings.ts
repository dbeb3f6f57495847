import { type Location, SEVERITIES, type Severity } from '../answers/finding.schema.js';
import { bullets, code, labelled, lines } from './markdown.js';

type Finding = {
  file?: string | undefined;
  line?: number | undefined;
  end_line?: number | undefined;
  severity: Severity;
  category?: string | undefined;
  title: string;
  explanation: string;
  recommendation: string;
  cwe?: string | undefined;
  cve?: string | undefined;
  standard?: string | undefined;
  evidence?: string | undefined;
  location?: Location | undefined;
};

const DOUBTS: Partial<Record<Location, string>> = { outside_change: 'outside of the change', not_found: 'no such place in the workspace' };

/** Findings as a list, the most severe first, each with its place. */
export function findingsText(findings: readonly Finding[]): string {
  const sorted = findings.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  return bullets(sorted.map(findingText));
}

function findingText(finding: Finding): string {
  const place = placeText(finding);
  const tags = [finding.category, finding.cwe, finding.cve, finding.standard].filter((tag) => tag !== undefined);
  const doubt = finding.location && DOUBTS[finding.location];
  const head = [`**${finding.severity}**`, place && `${code(place)}${doubt ? ` (${doubt})` : ''}`, `${finding.title}${tags.length > 0 ? ` (${tags.join(', ')})` : ''}`];
  return lines(
    head.filter((part) => part !== undefined).join(' · '),
    finding.explanation,
    labelled('Evidence', finding.evidence),
    labelled('Recommendation', finding.recommendation),
  );
}

function placeText({ file, line, end_line }: Finding): string | undefined {
  if (line === undefined) return file;
  const range = end_line === undefined || end_line === line ? `${line}` : `${line}-${end_line}`;
  return file === undefined ? `line ${range}` : `${file}:${range}`;
}
