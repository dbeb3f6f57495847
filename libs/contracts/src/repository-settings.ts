import { z } from 'zod';
import { ImageName } from './agent.js';
import { EgressWishes } from './egress.js';

/** In the root of a repository: what its agents' environment should be. Anybody may have written it, so all of it is a wish. */
export const REPOSITORY_SETTINGS_FILE = 'codex-mcp.json';
export const MAX_REPOSITORY_SETTINGS_BYTES = 64 * 1024;

const COMMAND_RULE = 'a shell command of 1 to 4000 characters';
const SECONDS_RULE = 'must be a whole number of seconds from 1 to 3600';
const MAX_PROBLEMS = 5;

/** What a person is told of a field that does not fit; its value is never repeated. */
const RULES: Record<string, string> = {
  image: 'must be the name of an image, such as "node"',
  setup: `must be a list of up to 20 items, each ${COMMAND_RULE}`,
  setup_timeout_s: SECONDS_RULE,
  lock_files: 'must be a list of up to 20 paths relative to the workspace',
  test: `must be ${COMMAND_RULE}`,
  test_timeout_s: SECONDS_RULE,
  egress: 'must be a list of up to 50 hosts, such as "github.com" or "git.example.org:8443"',
};

/** Text that can be an argument of a program; JSON can hold half a character, which no protocol carries. */
const isArgument = (text: string): boolean => !/[\p{Surrogate}\0]/u.test(text);
const isCommand = (text: string): boolean => isArgument(text) && text.trim() !== '';
const isPlainPath = (path: string): boolean => isArgument(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');

const command = () => z.string().max(4000).refine(isCommand);
const seconds = () => z.int().min(1).max(3600);

export const RepositorySettings = z.strictObject({
  /** A name of the operator's list, never an image itself. */
  image: ImageName.optional(),
  /** Run one after the other in the agent before its first turn, and again when this file or a lock file has changed. */
  setup: z.array(command()).max(20).default([]),
  /** For all commands of `setup` together. */
  setup_timeout_s: seconds().default(600),
  lock_files: z.array(z.string().max(500).refine(isPlainPath)).max(20).default([]),
  test: command().optional(),
  test_timeout_s: seconds().default(600),
  /** Hosts that the repository's commands would like to reach. */
  egress: EgressWishes.default([]),
});
export type RepositorySettings = z.infer<typeof RepositorySettings>;

/** What counts where a repository says nothing, or nothing that can be read. */
export const DEFAULT_REPOSITORY_SETTINGS: RepositorySettings = RepositorySettings.parse({});

/** Reads the text of such a file; `problem` says all that is wrong with one that cannot be used. Never throws. */
export function parseRepositorySettings(text: string): { settings: RepositorySettings } | { problem: string } {
  if (Buffer.byteLength(text) > MAX_REPOSITORY_SETTINGS_BYTES) return unusable(`it is larger than ${MAX_REPOSITORY_SETTINGS_BYTES / 1024} KiB`);
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return unusable('it is not JSON');
  }
  const parsed = RepositorySettings.safeParse(value);
  return parsed.success ? { settings: parsed.data } : unusable([...new Set(parsed.error.issues.flatMap(problemsOf))].slice(0, MAX_PROBLEMS).join('; '));
}

const unusable = (why: string) => ({ problem: `${REPOSITORY_SETTINGS_FILE} is not used: ${why}.` });

function problemsOf(issue: z.core.$ZodIssue): string[] {
  const [field] = issue.path;
  if (issue.code === 'unrecognized_keys') return issue.keys.slice(0, MAX_PROBLEMS).map((key) => `${JSON.stringify(key.slice(0, 60))} is not among ${Object.keys(RULES).join(', ')}`);
  return field === undefined ? ['it must be an object'] : [`"${String(field)}" ${RULES[String(field)] ?? 'is wrong'}`];
}
