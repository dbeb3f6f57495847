import { AppError, REPOSITORY_SETTINGS_FILE } from '@codex-mcp/contracts';
import type { Environment } from '../environment/turn-environment.js';

export type Test = { command: string; timeoutMs: number };

/** What the call wants to be run after the turn; the repository's own command is the one from before the turn. */
export function testOf({ test_command: command, run_tests: isWanted = false }: { test_command?: string; run_tests?: boolean }, environment: Environment | undefined, isAtWork: boolean): Test | undefined {
  if (command !== undefined) return { command, timeoutMs: Number.POSITIVE_INFINITY };
  const { test, test_timeout_s: timeoutS = 0 } = environment?.settings ?? {};
  if (isWanted && test === undefined && !isAtWork) throw new AppError('invalid_arguments', `run_tests: there is no \`test\` command in ${REPOSITORY_SETTINGS_FILE}. Name the command with test_command.`);
  return isWanted && test !== undefined ? { command: test, timeoutMs: timeoutS * 1000 } : undefined;
}
