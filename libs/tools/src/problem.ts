import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

const MAX_ISSUES = 8;
const MAX_QUOTED = 80;

const EXPECTED: Record<string, string> = {
  string: 'a string',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** zod's issues in plain words, such as `findings[0].severity must be one of "high", "low", not "bad"`. Parse with `reportInput: true`. */
export function describeIssues(issues: readonly Issue[]): string {
  const shown = issues.slice(0, MAX_ISSUES).map(describeIssue);
  if (issues.length > shown.length) shown.push(`and ${issues.length - shown.length} more`);
  return shown.join('; ');
}

function describeIssue(issue: Issue): string {
  const name = pathText(issue.path);
  if (issue.code === 'unrecognized_keys') return `${name} has the unknown ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
  const expected = expectation(issue);
  if (expected === undefined) return issue.message.startsWith('must ') ? `${name} ${issue.message}` : `${name}: ${issue.message}`;
  return issue.input === undefined ? `${name} is missing (expected ${expected})` : `${name} must be ${expected}, not ${quote(issue.input)}`;
}

function expectation(issue: Issue): string | undefined {
  if (issue.code === 'invalid_type') return EXPECTED[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_value') return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
  if (issue.code === 'invalid_union') return [...new Set(issue.errors.flat().flatMap((inner) => expectation(inner) ?? []))].join(' or ');
  if (issue.code === 'too_small' && (issue.origin === 'number' || issue.origin === 'int')) return `${issue.inclusive === true ? 'at least' : 'more than'} ${issue.minimum}`;
  return undefined;
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'it';
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at > 0 ? '.' : ''}${String(part)}`)).join('');
}

function quote(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object' && input !== null) return 'an object';
  const text = JSON.stringify(input);
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}
