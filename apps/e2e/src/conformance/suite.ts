import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryDirectory } from '@codex-mcp/testing';
import { z } from 'zod';
import { LaunchedProcess, repositoryRoot } from '../stack/launched.process.js';

export const REVISIONS = ['2025-11-25', '2026-07-28'] as const;
export type Revision = (typeof REVISIONS)[number];

const Checks = z.array(z.object({ id: z.string(), name: z.string(), status: z.string(), errorMessage: z.string().optional() }));

export type SuiteResult = {
  readonly passed: number;
  readonly total: number;
  /** `scenario/check: what was wrong`. */
  readonly failures: readonly string[];
  readonly output: string;
  /** Up to the one that this is the result of. */
  readonly runs: number;
};

const suite = (): string => join(dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')), 'dist', 'index.js');
/** What a child process runs of this folder; the specs themselves run from its sources. */
export const builtFile = (name: string): string => join(repositoryRoot, 'apps', 'e2e', 'dist', 'conformance', name);

/** The suite asks for a function of Node 22 that it does not need for servers. */
const NODE_20 = pathToFileURL(builtFile('node-20.js')).href;

/** The suite gives some answers half a second, which a busy machine may need for something else. */
const MAX_RUNS = 3;

/** Runs the official suite with all that the revision requires, and what it runs beside that; nothing is expected to fail. A run with failures is repeated. */
export async function runSuite(url: string, revision: Revision): Promise<SuiteResult> {
  for (let run = 1; ; run++) {
    const result = await runOnce(url, revision);
    if (result.failures.length === 0 || run === MAX_RUNS) return { ...result, runs: run };
  }
}

async function runOnce(url: string, revision: Revision): Promise<Omit<SuiteResult, 'runs'>> {
  const directory = await temporaryDirectory('conformance-');
  try {
    const run = new LaunchedProcess(['--import', NODE_20, suite(), 'server', '--url', url, '--requirements', revision, '-o', directory.path], { env: { ...process.env, NODE_OPTIONS: '' }, cwd: repositoryRoot });
    await run.exit();
    return { ...(await readResults(directory.path)), output: run.output };
  } finally {
    await directory.remove();
  }
}

async function readResults(directory: string): Promise<Pick<SuiteResult, 'passed' | 'total' | 'failures'>> {
  const files = (await readdir(directory, { recursive: true })).filter((file) => file.endsWith('checks.json'));
  const checks = await Promise.all(files.map(async (file) => Checks.parse(JSON.parse(await readFile(join(directory, file), 'utf8'))).map((check) => ({ ...check, scenario: dirname(file) }))));
  const counted = checks.flat().filter(({ status }) => status === 'SUCCESS' || status === 'FAILURE' || status === 'WARNING');
  const failed = counted.filter(({ status }) => status !== 'SUCCESS');
  return { passed: counted.length - failed.length, total: counted.length, failures: failed.map(({ scenario, id, status, errorMessage }) => `${status} ${scenario}/${id}: ${errorMessage ?? ''}`) };
}
