import type { TestRun } from '@codex-mcp/tools';
import { testCommandIn } from './test-command.js';
import { testCountsIn } from './test-counts.parser.js';

/** A command that has ended, with what it printed. */
export type EndedCommand = { command: string; exitCode?: number | undefined; durationMs?: number | undefined; output?: string | undefined };

/** Tests among the commands of a turn. Of a command that ran several times the last run counts. */
export class TestRuns {
  private readonly runs = new Map<string, TestRun>();

  add({ command, exitCode, durationMs, output }: EndedCommand): void {
    const test = testCommandIn(command);
    if (!test) return;
    this.runs.delete(command); // so that the order is that of the last runs
    this.runs.set(command, {
      command,
      run_by: 'codex',
      ...(test.tellsExitCode && exitCode !== undefined && { exit_code: exitCode }),
      ...(durationMs !== undefined && { duration_ms: durationMs }),
      ...(test.isOnlyOne && output !== undefined && testCountsIn(output)),
    });
  }

  include(later: TestRuns): void {
    for (const [command, run] of later.runs) {
      this.runs.delete(command);
      this.runs.set(command, run);
    }
  }

  get all(): TestRun[] {
    return [...this.runs.values()];
  }
}
