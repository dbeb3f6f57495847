import { AppError, OWN_WORKSPACE } from '@codex-mcp/contracts';
import { describeIssues } from '../problem.js';
import type { ArgumentsOf, Tool } from '../tool.js';
import { measureText } from './measure-text.js';

/** Characters of text in all arguments together. */
export const MAX_ARGUMENT_CHARACTERS = 1_000_000;

/** The same for tools that bring files along; a request's body is no longer either. */
const MAX_FILE_CHARACTERS = 4_000_000;

/** Codex refuses a longer input. */
const MAX_PROMPT_CHARACTERS = 1_048_576;

const MAX_DEPTH = 32;

/**
 * Raw arguments of a call → typed ones. Null and blank text count as not given; lists accept a single string.
 * Parsing its own result again changes nothing. Throws AppError `invalid_arguments` or `input_too_large`.
 */
export function parseArguments<T extends Tool>(tool: T, raw: unknown): ArgumentsOf<T> {
  const given = presentArguments(tool, raw ?? {});
  refuseUnknown(tool, given);
  refuseOversized(tool, given);
  const result = tool.arguments.safeParse(given, { reportInput: true });
  if (!result.success) throw invalid(tool, describeIssues(result.error.issues));
  const { workspace, workspace_mode: mode } = result.data;
  if (mode !== undefined && (workspace === undefined || workspace === OWN_WORKSPACE)) throw invalid(tool, 'workspace_mode says how to work on a directory; name it with workspace');
  if (tool.name === 'open_workspace') refuseMixedOpening(tool, result.data);
  const { atLeastOneOf = [] } = tool.kind === 'turn' || tool.kind === 'drop_in' ? tool : {};
  if (atLeastOneOf.length > 0 && !atLeastOneOf.some((name) => isGiven(result.data[name]))) throw invalid(tool, `give at least one of ${atLeastOneOf.join(', ')}`);
  if (tool.kind === 'turn') refuseLength(tool, 'prompt', tool.prompt(result.data).length, MAX_PROMPT_CHARACTERS);
  return result.data as ArgumentsOf<T>;
}

function refuseMixedOpening(tool: Tool, { workspace, url, branch, depth, discard }: Record<string, unknown>): void {
  if (workspace !== undefined && url !== undefined) throw invalid(tool, 'give a directory with workspace, or a repository with url');
  if (url === undefined && [branch, depth, discard].some(isGiven)) throw invalid(tool, 'branch, depth and discard are for a repository; name it with url');
}

function presentArguments(tool: Tool, raw: unknown): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw invalid(tool, 'the arguments must be a JSON object');
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null && value !== undefined && !isBlank(value)));
}

function refuseUnknown(tool: Tool, given: Record<string, unknown>): void {
  const allowed = Object.keys(tool.arguments.shape);
  const unknown = Object.keys(given).filter((name) => !allowed.includes(name));
  if (unknown.length === 0) return;
  const names = unknown.slice(0, 5).map((name) => `"${name.slice(0, 80)}"`).join(', ');
  throw invalid(tool, `unknown argument ${names}; allowed are ${allowed.join(', ')}`);
}

function refuseOversized(tool: Tool, given: Record<string, unknown>): void {
  const { characters, tooDeep } = measureText(given, MAX_DEPTH);
  if (tooDeep) throw invalid(tool, `the arguments are nested deeper than ${MAX_DEPTH} levels`);
  refuseLength(tool, 'arguments', characters, tool.kind === 'workspace' ? MAX_FILE_CHARACTERS : MAX_ARGUMENT_CHARACTERS);
}

function refuseLength(tool: Tool, what: 'arguments' | 'prompt', length: number, limit: number): void {
  if (length <= limit) return;
  const subject = what === 'arguments' ? 'the arguments hold' : 'the prompt made from the arguments holds';
  const advice = 'Put large material into files of the workspace and name them instead.';
  throw new AppError('input_too_large', `${tool.name}: ${subject} ${length} characters of text; the limit is ${limit}. ${advice}`);
}

const invalid = (tool: Tool, problem: string): AppError => new AppError('invalid_arguments', `${tool.name}: ${problem}.`);

const isBlank = (value: unknown): boolean => typeof value === 'string' && value.trim() === '';

const isGiven = (value: unknown): boolean => value !== undefined && !(Array.isArray(value) && value.every(isBlank));
