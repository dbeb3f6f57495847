// @ts-check
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed, repository, run } from './child.js';

/** Numbers of tests; a check or a lint run counts as one. @typedef {{ passed: number, failed: number, skipped: number }} Tally */

// For what hangs; a machine may be slow.
const unitTimeoutMs = 15 * 60_000;
const endToEndTimeoutMs = 30 * 60_000;

// One more than there are cores: specs wait a quarter of their time.
const unitWorkers = Math.min(4, availableParallelism() + 1);

// They start whole systems, and wait half of their time for them.
const endToEndWorkers = 3;

// End-to-end specs that put a load on the machine themselves.
const alone = '/chaos/';

const checks = ['tools/checks/boundaries.js', 'tools/checks/limits.js', 'tools/checks/documents.js'];
const generatedDocuments = 'tools/docs/generate.js';

/**
 * What `npm test` runs, in this order. Lint and jest are called directly, not through Nx:
 * one process for all projects is faster, and a result from a cache counts no tests.
 * @type {Record<string, (patterns: string[]) => Promise<Tally>>}
 */
export const suites = {
  async checks() {
    const tallies = [await toolSpecs()];
    for (const check of checks) tallies.push(await command(process.execPath, [check]));
    if (existsSync(join(repository, generatedDocuments))) tallies.push(await command(process.execPath, [generatedDocuments, '--check']));
    return sum(tallies);
  },

  async lint() {
    return sum([await command(installed('oxlint'), ['--type-aware', 'apps', 'libs', 'tools']), await command(installed('tsc'), ['-p', 'tools'])]);
  },

  unit: (patterns) => jest(['--rootDir', '.', `--maxWorkers=${unitWorkers}`, ...patterns], unitTimeoutMs),

  async e2e(patterns) {
    const sideBySide = await endToEnd([...patterns, `--maxWorkers=${endToEndWorkers}`, `--testPathIgnorePatterns=${alone}`]);
    const oneByOne = await endToEnd([...patterns, `--testPathIgnorePatterns=^(?!.*${alone})`]);
    return complete(sum([sideBySide, oneByOne]), 0);
  },
};

/** Patterns may name specs of one kind only, so one of the runs may have nothing to do. @param {string[]} args */
const endToEnd = (args) => jest(['-c', 'apps/e2e/jest.config.js', '--rootDir', 'apps/e2e', '--passWithNoTests', ...args], endToEndTimeoutMs, failedOutside);

/** @param {Tally[]} tallies @returns {Tally} */
export function sum(tallies) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { passed, failed, skipped } of tallies) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

/** @param {string} program @param {string[]} args @returns {Promise<Tally>} */
async function command(program, args) {
  const code = await run(program, args);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/** The tools' own tests, by Node's runner: they have to run before anything is built. @returns {Promise<Tally>} */
async function toolSpecs() {
  const specs = readdirSync(join(repository, 'tools'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(join(repository, 'tools', name)).map((file) => `tools/${name}/${file}`))
    .filter((file) => file.endsWith('.spec.js'));
  /** @type {string[]} */
  const lines = [];
  const code = await run(process.execPath, ['--test', '--test-reporter=tap', ...specs], { onLine: (line) => lines.push(line) });
  const counted = (/** @type {string} */ what) => Number(lines.findLast((line) => line.startsWith(`# ${what} `))?.split(' ')[2] ?? 0);
  const tally = { passed: counted('pass'), failed: counted('fail') + counted('cancelled'), skipped: counted('skipped') + counted('todo') };
  if (code !== 0) console.error(lines.join('\n'));
  console.log(`tools: ${tally.passed} of ${tally.passed + tally.failed} tests pass`);
  return complete(tally, code);
}

/** @param {string[]} args @param {number} timeoutMs @returns {Promise<Tally>} */
async function jest(args, timeoutMs, judge = complete) {
  const folder = mkdtempSync(join(tmpdir(), 'codex-mcp-jest-'));
  const outputFile = join(folder, 'results.json');
  const nodeOptions = [process.env['NODE_OPTIONS'], '--experimental-vm-modules', '--disable-warning=ExperimentalWarning'].filter(Boolean).join(' ');
  try {
    const code = await run(installed('jest'), [...args, '--json', `--outputFile=${outputFile}`], { env: { NODE_OPTIONS: nodeOptions }, timeoutMs });
    const results = existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, 'utf8')) : undefined;
    return judge(
      {
        passed: results?.numPassedTests ?? 0,
        failed: (results?.numFailedTests ?? 0) + (results?.numRuntimeErrorTestSuites ?? 0),
        skipped: (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0),
      },
      code,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A runner that failed outside a test has failed all the same. @param {Tally} tally @param {number} code @returns {Tally} */
function failedOutside(tally, code) {
  return tally.failed === 0 && code !== 0 ? { ...tally, failed: 1 } : tally;
}

/** So has one that ran none. @param {Tally} tally @param {number} code @returns {Tally} */
function complete(tally, code) {
  const ranNothing = tally.passed + tally.failed + tally.skipped === 0;
  return failedOutside(tally, ranNothing ? 1 : code);
}
