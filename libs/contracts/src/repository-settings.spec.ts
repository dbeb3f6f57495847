import { describe, expect, it } from '@jest/globals';
import { DEFAULT_REPOSITORY_SETTINGS, parseRepositorySettings, RepositorySettings } from './repository-settings.js';

const problemOf = (value: unknown): string => {
  const result = parseRepositorySettings(typeof value === 'string' ? value : JSON.stringify(value));
  return 'problem' in result ? result.problem : 'none';
};

describe('codex-mcp.json', () => {
  it('is read with defaults for what it leaves out, and may begin with a byte order mark', () => {
    expect(parseRepositorySettings('\uFEFF{"image": "node", "setup": ["npm ci"], "lock_files": ["a/package-lock.json"], "egress": ["github.com", "git.example.org:8443"]}')).toEqual({
      settings: { ...DEFAULT_REPOSITORY_SETTINGS, image: 'node', setup: ['npm ci'], lock_files: ['a/package-lock.json'], egress: ['github.com', 'git.example.org:8443'] },
    });
    expect(parseRepositorySettings('{}')).toEqual({ settings: DEFAULT_REPOSITORY_SETTINGS });
  });

  it.each([
    ['', 'codex-mcp.json is not used: it is not JSON.'],
    ['{"image": ', 'codex-mcp.json is not used: it is not JSON.'],
    ['[]', 'codex-mcp.json is not used: it must be an object.'],
    ['null', 'codex-mcp.json is not used: it must be an object.'],
    [{ image: 'docker.io/evil:latest' }, 'codex-mcp.json is not used: "image" must be the name of an image, such as "node".'],
    [{ setup: 'npm ci', setup_timeout_s: 0 }, /"setup" must be a list of up to 20 items.*; "setup_timeout_s" must be a whole number of seconds from 1 to 3600\.$/],
    [{ network: true, mounts: ['/'] }, /"network" is not among image, setup.*; "mounts" is not among/],
  ])('that is %j says what is wrong', (value, problem) => {
    expect(problemOf(value)).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
  });

  it.each([
    ...['../x', '/etc/passwd', 'a/../b', './x', 'a//b', '', 'x\0'].map((path) => ({ lock_files: [path] })),
    ...['', ' \n', 'true\0', 'echo \ud800'].flatMap((line) => [{ setup: [line] }, { test: line }]),
    ...['https://x.org', 'x.org/path', '*.org', 'a b', '-x', 'x.org:', ''].map((host) => ({ egress: [host] })),
    ...['', 'Node', 'a/b', 'a:b', '-a', 'a'.repeat(64)].map((image) => ({ image })),
    ...[0, 3601, 1.5, '60', -1, null].flatMap((seconds) => [{ setup_timeout_s: seconds }, { test_timeout_s: seconds }]),
  ])('with %j is refused', (value) => {
    expect(problemOf(value)).toMatch(/^codex-mcp\.json is not used: "(lock_files|setup|test|egress|image|setup_timeout_s|test_timeout_s)" must be /);
  });

  it('that is too large, or says too much, is refused', () => {
    expect(problemOf(' '.repeat(65_537))).toBe('codex-mcp.json is not used: it is larger than 64 KiB.');
    expect(problemOf({ setup: Array.from({ length: 21 }, () => 'true') })).toContain('up to 20 items');
    expect(problemOf({ setup: ['x'.repeat(4001)] })).toContain('1 to 4000 characters');
  });

  it('never repeats a value, and names few of many unknown fields, each shortened', () => {
    expect(problemOf({ image: 'SECRET', setup: [7, 'SECRET\0'], egress: ['SECRET'] })).not.toContain('SECRET');
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`${at}${'y'.repeat(100)}`, 1]));
    expect(problemOf(many).length).toBeLessThan(1200);
  });

  it('whatever it holds, is settings or a problem', () => {
    const random = randomFrom(20_261_122);
    const valid = JSON.stringify({ image: 'node', setup: ['npm ci'], setup_timeout_s: 5, lock_files: ['a'], test: 'npm test', egress: ['a.org'] });
    let refused = 0;
    for (let round = 0; round < 1000; round++) {
      const result = parseRepositorySettings(round % 2 === 0 ? mutated(valid, random) : JSON.stringify(anyValue(random, 3)));
      if ('problem' in result) refused += 1;
      else expect(RepositorySettings.parse(result.settings)).toEqual(result.settings);
    }
    expect(refused).toBeGreaterThan(300);
    expect(refused).toBeLessThan(1000);
    expect(problemOf(`${'['.repeat(32_000)}${']'.repeat(32_000)}`)).toBe('codex-mcp.json is not used: it must be an object.');
    expect(problemOf(`{"setup": ${'['.repeat(32_000)}${']'.repeat(32_000)}}`)).toContain('"setup" must be');
    expect(problemOf('{"__proto__": {"image": "node"}}')).toContain('"__proto__" is not among');
    expect(parseRepositorySettings('{"image": "a", "image": "b"}')).toMatchObject({ settings: { image: 'b' } });
  });
});

/** Numbers from 0 up to a bound, the same for each run (mulberry32). */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

function mutated(text: string, random: (bound: number) => number): string {
  const characters = Array.from({ length: text.length }, (_, at) => text.charAt(at));
  for (let count = random(3); count > 0; count--) characters.splice(random(characters.length), random(2), String.fromCharCode(random(4) === 0 ? random(0x1_0000) : random(128)));
  return characters.join('');
}

function anyValue(random: (bound: number) => number, depth: number): unknown {
  const names = ['image', 'setup', 'lock_files', 'test', 'egress', 'setup_timeout_s', '__proto__', 'constructor', 'other'];
  const kinds = [
    () => random(4000),
    () => ['node', 'npm ci', '', 'a.org', '../a'][random(5)],
    () => null,
    () => random(2) === 0,
    () => Array.from({ length: random(3) }, () => anyValue(random, depth - 1)),
    () => Object.fromEntries(Array.from({ length: random(4) }, () => [names[random(names.length)], anyValue(random, depth - 1)])),
  ];
  return depth <= 0 ? kinds[random(4)]?.() : depth === 3 ? kinds[5]?.() : kinds[random(6)]?.();
}
