import { expect, it } from '@jest/globals';
import { TestRuns } from './test-runs.js';

it('are the last run of each command, and say no more than is known', () => {
  const runs = new TestRuns();
  runs.add({ command: 'npm test', exitCode: 1, durationMs: 5, output: 'Tests:       1 failed, 2 total' });
  runs.add({ command: 'pytest | tail', exitCode: 0, output: '2 failed, 1 passed in 0.1s\n' });
  runs.add({ command: 'ls', exitCode: 0, output: '3 passed in 0.1s\n' });
  const repaired = new TestRuns();
  repaired.add({ command: 'npm test', exitCode: 0, durationMs: 7, output: 'Tests:       2 passed, 2 total' });
  repaired.add({ command: 'npm test && pytest', exitCode: 0, output: 'Tests:       2 passed, 2 total' });
  repaired.add({ command: 'go test ./...' });
  runs.include(repaired);
  expect(runs.all).toEqual([
    { command: 'pytest | tail', run_by: 'codex', runner: 'pytest', passed: 1, failed: 2 },
    { command: 'npm test', run_by: 'codex', exit_code: 0, duration_ms: 7, runner: 'jest', passed: 2 },
    { command: 'npm test && pytest', run_by: 'codex', exit_code: 0 },
    { command: 'go test ./...', run_by: 'codex' },
  ]);
});
