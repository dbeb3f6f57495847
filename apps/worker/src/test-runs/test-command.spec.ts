import { describe, expect, it } from '@jest/globals';
import { testCommandIn } from './test-command.js';

describe('a command line', () => {
  it.each([
    'npm test', 'npm t', 'npm run test:unit -- --watch=false', 'yarn test', 'pnpm --filter api test', 'bun test', 'npx jest src/a.spec.ts', 'npx --yes vitest run', './node_modules/.bin/mocha', 'node node_modules/jest/bin/jest.js -i',
    'node --test', 'node --test-reporter=tap --test test/', 'pytest -q', 'python3 -m pytest tests', 'python3.12 -m unittest', 'poetry run pytest', 'uv run pytest -x', 'go test ./...', 'cargo test --all', 'cargo nextest run', 'make test', 'make check',
    './gradlew test', 'mvn -q verify', 'dotnet test', 'bundle exec rspec', 'CI=1 NODE_ENV=test npm test', 'cd packages/app && npm test', 'cd a; timeout 60 npm test', 'npm ci && npm test && echo done > /tmp/x', "NODE_OPTIONS='--experimental-vm-modules' npx jest", '(cd app && npm test) 2>&1', 'env FOO=1 time go test ./a',
  ])('%j runs tests', (line) => {
    expect(testCommandIn(line)).toMatchObject({ isOnlyOne: true });
  });

  it.each(['ls', 'cat jest.config.js', 'npm install jest', 'grep -rn pytest .', 'echo "npm test"', 'git commit -m "go test"', 'npx jest --version', 'pytest --collect-only', 'npm run testament', 'node test.js', 'make', 'vim test', '', '"', 'cargo build && go vet'])('%j runs none', (line) => {
    expect(testCommandIn(line)).toBeUndefined();
  });

  it.each(['npm test', 'npm test 2>&1', 'npm test > out.txt 2> err.txt', 'cd app && npm test', 'npm test;', 'set -o pipefail; npm test | tail -5', 'npm test\n'])('%j ends as its tests do', (line) => {
    expect(testCommandIn(line)).toMatchObject({ tellsExitCode: true });
  });

  it.each(['npm test | tail -5', 'npm test || true', 'npm test; echo $?', 'npm test & wait', 'ls || npm test', 'npm test\necho done', 'npm test && echo done'])('%j need not', (line) => {
    expect(testCommandIn(line)).toMatchObject({ tellsExitCode: false });
  });

  it('may run several', () => {
    expect(testCommandIn('npm test && pytest')).toEqual({ tellsExitCode: true, isOnlyOne: false });
  });
});
