import { parseShellLine, type SimpleCommand } from './shell-line.parser.js';

/** How a shell line runs tests. */
export type TestCommand = {
  /** The exit code of the line is that of its tests: no pipe, `||` or later command hides it. */
  tellsExitCode: boolean;
  /** Several in one line cannot be told apart by their output. */
  isOnlyOne: boolean;
};

/** Programs whose one purpose is to run tests. */
const RUNNERS = /^(?:jest|vitest|mocha|ava|tap|jasmine|karma|pytest|py\.test|tox|nox|nose2|phpunit|pest|rspec|ctest|behave)$/;
/** Programs that run tests with one of these words as their first argument. */
const SUBCOMMANDS: Record<string, RegExp> = {
  go: /^test$/, cargo: /^(?:test|t|nextest)$/, deno: /^test$/, dotnet: /^test$/, swift: /^test$/, mix: /^test$/, bazel: /^test$/, sbt: /^test$/, nx: /^(?:test|run-many)$/, rails: /^test$/, playwright: /^test$/, ng: /^test$/,
  make: /^(?:tests?|check)$/, just: /^tests?$/, rake: /^(?:test|spec)$/, mvn: /^(?:test|verify)$/, mvnw: /^(?:test|verify)$/, gradle: /^(?:test|check)$/, gradlew: /^(?:test|check)$/,
};
const SCRIPT_RUNNERS = /^(?:npm|pnpm|yarn|bun)$/;
/** Their value is a word of its own. */
const PACKAGE_OPTIONS = /^(?:--filter|-F|--workspace|-w|--prefix|-C|--dir|--cwd)$/;
const TEST_SCRIPT = /^(?:test|tests)(?:$|[:-])/;
/** What only starts the rest of the line, and how many words of its own it takes besides options. */
const WRAPPERS: Record<string, number> = { sudo: 0, time: 0, env: 0, command: 0, exec: 0, nice: 0, timeout: 1, npx: 0, pnpx: 0, bunx: 0, 'cross-env': 0, 'xvfb-run': 0 };
const TWO_WORD_WRAPPERS = /^(?:npm exec|pnpm (?:exec|dlx)|yarn exec|poetry run|uv run|pipenv run|hatch run|bundle exec|php artisan)$/;
const ASSIGNMENT = /^[A-Za-z_]\w*=/;
/** Asks about tests, and runs none. */
const ASKS = /^(?:--version|--help|-h|--collect-only|--listTests|--list-tests|--list|--no-run)$/;
const TURNS_OFF = new Set(['|', '||', '&']);

/** What a shell line, as Codex ran it, says of tests; undefined where it runs none that are known as such. */
export function testCommandIn(line: string): TestCommand | undefined {
  const commands = parseShellLine(line);
  const tests = commands.filter(({ words }) => runsTests(words));
  const last = tests.at(-1);
  if (!last) return undefined;
  return { tellsExitCode: decidesExitCode(commands, last, line), isOnlyOne: tests.length === 1 };
}

function decidesExitCode(commands: SimpleCommand[], test: SimpleCommand, line: string): boolean {
  const at = commands.indexOf(test);
  if (commands.slice(0, at).some(({ next }) => next === '||')) return false;
  const after = commands.slice(at);
  const pipes = /\bpipefail\b/.test(line) ? ['|'] : [];
  const ends = after.findIndex(({ next }) => !pipes.includes(next));
  const { next } = after[ends] ?? { next: '' };
  return !TURNS_OFF.has(next) && at + ends === commands.length - 1;
}

function runsTests(all: string[]): boolean {
  const words = unwrapped(all);
  const [program = '', first = '', second = ''] = words;
  const name = baseName(program);
  if (words.some((word) => ASKS.test(word))) return false;
  if (RUNNERS.test(name)) return true;
  if (name === 'node' || name === 'tsx') return nodeRunsTests(words.slice(1));
  if (/^python[\d.]*$/.test(name)) return first === '-m' && /^(?:pytest|unittest|nose2|tox)$/.test(second);
  if (SCRIPT_RUNNERS.test(name)) return scriptIsTest(words.slice(1));
  return SUBCOMMANDS[name]?.test(words.slice(1).find((word) => !word.startsWith('-')) ?? '') ?? false;
}

function nodeRunsTests(args: string[]): boolean {
  const script = args.find((word) => !word.startsWith('-'));
  if (args.some((word) => word === '--test' || word.startsWith('--test-'))) return true;
  return script !== undefined && RUNNERS.test(baseName(script));
}

function scriptIsTest(args: string[]): boolean {
  const [first = '', second = ''] = args.filter((word, at) => !word.startsWith('-') && !PACKAGE_OPTIONS.test(args[at - 1] ?? ''));
  return first === 't' || first === 'tst' || TEST_SCRIPT.test(first) || ((first === 'run' || first === 'run-script') && TEST_SCRIPT.test(second)) || RUNNERS.test(first);
}

/** The words without assignments and without what only starts the rest. */
function unwrapped(words: string[]): string[] {
  let rest = words;
  for (;;) {
    const [first = '', second = ''] = rest;
    const own = WRAPPERS[baseName(first)];
    if (ASSIGNMENT.test(first)) rest = rest.slice(1);
    else if (TWO_WORD_WRAPPERS.test(`${first} ${second}`)) rest = withoutOptions(rest.slice(2), 0);
    else if (own !== undefined && rest.length > 1) rest = withoutOptions(rest.slice(1), own);
    else return rest;
  }
}

function withoutOptions(words: string[], own: number): string[] {
  const start = words.findIndex((word) => !word.startsWith('-'));
  return start === -1 ? [] : words.slice(start + own);
}

const baseName = (program: string): string => (program.split('/').at(-1) ?? '').replace(/\.(?:[cm]?js|cmd|exe|phar)$/, '');
