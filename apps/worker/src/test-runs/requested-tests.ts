import { randomUUID } from 'node:crypto';
import type { AppServerClient } from '@codex-mcp/codex';
import type { Placement, TurnEvent } from '@codex-mcp/contracts';
import type { TestRun } from '@codex-mcp/tools';
import { unlessAborted } from '../turns/abort.js';
import { END_TESTS, MARK, RUN_TESTS } from './requested-tests.script.js';
import { testCountsIn } from './test-counts.parser.js';

/** More than any runner's summary needs; of this the caller gets the end. */
const OUTPUT_BYTES = 512 * 1024;
const SHOWN_CHARACTERS = 8000;
/** How much longer than the tests the command around them may take, to end what they have left running. */
const MARGIN_MS = 15_000;
const END_TIMEOUT_MS = 10_000;

const UNCONFINED = { type: 'dangerFullAccess' };

export type TestPlace = { codex: Pick<AppServerClient, 'exec'>; placement: Pick<Placement, 'cwd'>; sandboxPolicy(access: 'read' | 'write'): object | undefined };
export type RequestedTests = { command: string; turnId: string; timeoutMs: number; push: (event: TurnEvent) => void; signal: AbortSignal };

/**
 * Runs the test command of a call where the agent lives, as the agent's own commands run, and ends all that it has started,
 * also when `signal` aborts. What the command does is told, never thrown.
 */
export async function runRequestedTests(place: TestPlace, { command, turnId, timeoutMs, push, signal }: RequestedTests): Promise<TestRun> {
  const item = { type: 'command' as const, id: `tests-${turnId}`, command };
  if (timeoutMs < 1000) return { command, run_by: 'server', timed_out: true, output: 'The turn has no time left to run it.' };
  push({ type: 'item_started', item: { ...item, status: 'running' } });
  // An earlier worker may have left them running; should it still be there, it ends only its own.
  const run = `${turnId}/${randomUUID()}`;
  await end(place, `${turnId}/.*`);
  const startedAt = performance.now();
  const outcome = await unlessAborted(signal, execute(place, command, run, timeoutMs)).catch(async (error: unknown) => {
    if (signal.aborted) await end(place, run).catch(() => undefined);
    throw error;
  });
  const durationMs = Math.round(performance.now() - startedAt);
  await end(place, run);
  const told = testRun(command, outcome, durationMs);
  push({ type: 'item_completed', item: { ...item, status: told.exit_code === 0 ? 'completed' : 'failed', durationMs, ...(told.exit_code !== undefined && { exitCode: told.exit_code }), output: told.output ?? '' } });
  return told;
}

type Outcome = { exitCode: number | undefined; isLate: boolean; output: string };

async function execute(place: TestPlace, command: string, run: string, timeoutMs: number): Promise<Outcome> {
  const { stdout, stderr } = await place.codex.exec(['perl', '-e', RUN_TESTS, '--', String(timeoutMs / 1000), String(OUTPUT_BYTES), command], {
    cwd: place.placement.cwd,
    timeoutMs: timeoutMs + MARGIN_MS,
    outputBytesCap: OUTPUT_BYTES + 1000,
    env: { [MARK]: run, CI: 'true' },
    // In a container the container is the sandbox.
    sandboxPolicy: place.sandboxPolicy('write') ?? UNCONFINED,
  });
  const [head, code, late, output = ''] = /^(-?\d+) ([01])\n([^]*)$/.exec(stdout) ?? [];
  if (head === undefined) return { exitCode: undefined, isLate: false, output: stderr.trim() || 'It could not be run; that takes Perl where the agent lives.' };
  return { exitCode: late === '1' ? undefined : Number(code), isLate: late === '1', output };
}

/** Ends what runs under a mark. */
async function end({ codex, placement }: TestPlace, mark: string): Promise<void> {
  // A fixed command of ours, which must see the processes outside of a sandbox.
  await codex.exec(['sh', '-c', END_TESTS, 'sh', mark], { cwd: placement.cwd, timeoutMs: END_TIMEOUT_MS, sandboxPolicy: UNCONFINED });
}

function testRun(command: string, { exitCode, isLate, output }: Outcome, durationMs: number): TestRun {
  return {
    command,
    run_by: 'server',
    ...(exitCode !== undefined && { exit_code: exitCode }),
    ...(isLate && { timed_out: true }),
    duration_ms: durationMs,
    ...(!isLate && testCountsIn(output)),
    output: output.length > SHOWN_CHARACTERS ? `…${output.slice(-SHOWN_CHARACTERS)}` : output,
  };
}
