import { describe, expect, it } from '@jest/globals';
import { testCountsIn } from './test-counts.parser.js';

const PYTEST = `
=================================== FAILURES ===================================
=========================== short test summary info ============================
FAILED test_a.py::test_b - assert 1 == 2
ERROR test_c.py
============== 1 failed, 7 passed, 2 skipped, 1 xfailed, 1 error in 0.12s ===============
`;

describe('the counts of tests', () => {
  it.each<[string, string, object]>([
    ['jest', 'Test Suites: 1 failed, 2 passed, 3 total\nTests:       1 failed, 2 skipped, 1 todo, 30 passed, 34 total\nSnapshots:   0 total\nTime:        1.5 s', { passed: 30, failed: 1, skipped: 3 }],
    ['jest', '\u001b[1mTests:       \u001b[22m\u001b[1m\u001b[32m3 passed\u001b[39m\u001b[22m, 3 total', { passed: 3 }],
    ['jest', 'Tests:       3 passed, 3 total\r\nother project\r\nTests:       1 failed, 4 passed, 5 total\r\n', { passed: 7, failed: 1 }],
    ['vitest', ' Test Files  1 failed | 1 passed (2)\n      Tests  1 failed | 5 passed | 2 skipped (8)\n   Start at  10:00:00', { passed: 5, failed: 1, skipped: 2 }],
    ['mocha', '  a\n    ✔ b\n\n  3 passing (12ms)\n  1 pending\n  2 failing\n', { passed: 3, failed: 2, skipped: 1 }],
    ['node --test', '# tests 5\n# suites 0\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n# duration_ms 55', { passed: 3, failed: 1, skipped: 1 }],
    ['node --test', 'ℹ tests 2\nℹ suites 1\nℹ pass 1\nℹ fail 0\nℹ cancelled 1\nℹ skipped 0\nℹ todo 0', { passed: 1, failed: 1, skipped: 0 }],
    ['pytest', PYTEST, { passed: 7, failed: 2, skipped: 2 }],
    ['pytest', '..\n2 passed in 0.01s\n', { passed: 2 }],
    ['unittest', '..s.F\n----------\nRan 5 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)\n', { passed: 2, failed: 2, skipped: 1 }],
    ['unittest', 'Ran 3 tests in 0.001s\n\nOK\n', { passed: 3, failed: 0, skipped: 0 }],
    ['go test', '=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/x (0.00s)\n=== RUN   TestB\n--- FAIL: TestB (0.00s)\n--- SKIP: TestC (0.00s)\nFAIL\nFAIL\texample.test/a\t0.002s\n', { passed: 1, failed: 1, skipped: 1 }],
    ['go test', '--- FAIL: TestB (0.00s)\n    a_test.go:3: no\nFAIL\nFAIL\texample.test/a\t0.002s\nok  \texample.test/b\t0.1s\n', { failed: 1 }],
    ['cargo test', 'test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s', { passed: 6, failed: 1, skipped: 1 }],
    ['cargo nextest', '     Summary [   0.012s] 3 tests run: 2 passed, 1 failed, 4 skipped', { passed: 2, failed: 1, skipped: 4 }],
    ['rspec', '....F\n5 examples, 1 failure, 1 pending\n', { passed: 3, failed: 1, skipped: 1 }],
  ])('of %s are those of its summary', (runner, output, counts) => {
    expect(testCountsIn(output)).toEqual({ runner, ...counts });
  });

  it.each([
    ['nothing', ''],
    ['no summary', 'All tests passed!\n3 tests, 2 passed\nok'],
    ['a passing package of go, which names no tests', 'ok  \texample.test/b\t0.1s\n'],
    ['words of a summary in the middle of a line', 'expected "Tests:  3 passed, 3 total" and 2 passed in 0.01s'],
    ['summaries of two runners', 'Tests:       3 passed, 3 total\n2 passed in 0.01s\n'],
    ['an output of which a part is missing', `${'x'.repeat(1_000_000)}\n2 passed in 0.01s\n`],
  ])('are not known from %s', (_, output) => {
    expect(testCountsIn(output)).toBeUndefined();
  });
});
