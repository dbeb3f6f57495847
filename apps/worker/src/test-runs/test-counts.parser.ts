/** How many tests ended how, as their output says; what it does not say is absent. */
export type TestCounts = { runner: string; passed?: number; failed?: number; skipped?: number };

type Counted = Omit<TestCounts, 'runner'>;

/** Codex keeps no more of a command's output than about this; of a longer one a part is missing. */
const WHOLE_OUTPUT_CHARACTERS = 1_000_000;
// Built from its code, as a pattern must not hold control characters.
const COLOURS = new RegExp(`${String.fromCodePoint(27)}\\[[0-9;]*[A-Za-z]`, 'g');

/** For each runner the words that begin each kind of count in its summary. */
const PARSERS: Record<string, (output: string) => Counted | undefined> = {
  jest: (output) => sumOf(linesOf(output, /^Tests: +(.*\btotal)$/gm).map((line) => listed(line, { passed: /(\d+) passed/, failed: /(\d+) failed/, skipped: /(\d+) (?:skipped|todo)/g }))),
  vitest: (output) => sumOf(linesOf(output, /^ *Tests {2}(.*\(\d+\))$/gm).map((line) => listed(line, { passed: /(\d+) passed/, failed: /(\d+) failed/, skipped: /(\d+) (?:skipped|todo)/g }))),
  mocha: (output) => (/^ {2}\d+ passing \(\S+\)$/m.test(output) ? listed(output, { passed: /^ {2}(\d+) passing \(\S+\)$/gm, failed: /^ {2}(\d+) failing$/gm, skipped: /^ {2}(\d+) pending$/gm }) : undefined),
  'node --test': nodeCounts,
  pytest: (output) => sumOf(linesOf(output, /^(?:=+ )?((?:\d+ (?:passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?|rerun)(?:, )?)+ in [\d.]+s.*)$/gm).map((line) => listed(line, { passed: /\b(\d+) passed/, failed: /\b(\d+) (?:failed|errors?)\b/g, skipped: /\b(\d+) skipped/ }))),
  unittest: unittestCounts,
  'go test': goCounts,
  'cargo test': (output) => sumOf(linesOf(output, /^test result: \w+\. (.*)$/gm).map((line) => listed(line, { passed: /(\d+) passed/, failed: /(\d+) failed/, skipped: /(\d+) ignored/ }))),
  'cargo nextest': (output) => sumOf(linesOf(output, /^ *Summary \[ *[\d.]+s\] +\d+ tests? run: (.*)$/gm).map((line) => listed(line, { passed: /(\d+) passed/, failed: /(\d+) failed/, skipped: /(\d+) skipped/ }))),
  rspec: (output) => sumOf(linesOf(output, /^(\d+ examples?, \d+ failures?.*)$/gm).map(rspecCounts)),
};

/** What the summary in the output of tests says; undefined where there is none that is known, or those of several runners. */
export function testCountsIn(output: string): TestCounts | undefined {
  if (output.length >= WHOLE_OUTPUT_CHARACTERS) return undefined;
  const plain = output.replaceAll(COLOURS, '').replaceAll('\r\n', '\n');
  const found = Object.entries(PARSERS).flatMap(([runner, parse]) => {
    const counts = parse(plain);
    return counts && Object.keys(counts).length > 0 ? [{ runner, ...counts }] : [];
  });
  return found.length === 1 ? found[0] : undefined;
}

const linesOf = (output: string, pattern: RegExp): string[] => [...output.matchAll(pattern)].map(([, line = '']) => line);

/** The sum of all matches of each pattern; a count that is not listed is absent. */
function listed(text: string, patterns: Record<keyof Counted, RegExp>): Counted {
  const entries = Object.entries(patterns).flatMap(([name, pattern]) => {
    const matches = [...text.matchAll(new RegExp(pattern, pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`))];
    return matches.length === 0 ? [] : [[name, matches.reduce((sum, match) => sum + Number(match[1]), 0)] as const];
  });
  return Object.fromEntries(entries);
}

/** One summary for each package or project of a run. */
function sumOf(all: Counted[]): Counted | undefined {
  if (all.length === 0) return undefined;
  const names = ['passed', 'failed', 'skipped'] as const;
  return Object.fromEntries(names.flatMap((name) => (all.some((one) => one[name] !== undefined) ? [[name, all.reduce((sum, one) => sum + (one[name] ?? 0), 0)]] : [])));
}

/** Both as TAP has it and as its own reporter does. */
function nodeCounts(output: string): Counted | undefined {
  const last = (name: string): number | undefined => {
    const [, number] = [...output.matchAll(new RegExp(`^(?:#|ℹ) ${name} (\\d+)$`, 'gm'))].at(-1) ?? [];
    return number === undefined ? undefined : Number(number);
  };
  const [passed, failed, cancelled, skipped, todo] = ['pass', 'fail', 'cancelled', 'skipped', 'todo'].map(last);
  if (passed === undefined || failed === undefined || cancelled === undefined) return undefined;
  return { passed, failed: failed + cancelled, skipped: (skipped ?? 0) + (todo ?? 0) };
}

function unittestCounts(output: string): Counted | undefined {
  const [, ran] = /^Ran (\d+) tests? in [\d.]+s$/m.exec(output) ?? [];
  const [, result] = /^(?:OK|FAILED)(?: \((.*)\))?$/m.exec(output.slice(output.search(/^Ran \d+ tests? in/m))) ?? [];
  if (ran === undefined || !/^(?:OK|FAILED)/m.test(output)) return undefined;
  const { failed = 0, skipped = 0 } = listed(result ?? '', { passed: /(?!)/, failed: /(?:failures|errors)=(\d+)/g, skipped: /skipped=(\d+)/ });
  return { passed: Number(ran) - failed - skipped, failed, skipped };
}

/** Go names tests that passed only where it is asked to (-v). Tests below others are counted with those. */
function goCounts(output: string): Counted | undefined {
  const count = (word: string) => [...output.matchAll(new RegExp(`^--- ${word}: `, 'gm'))].length;
  if (!/^(?:ok|FAIL|---)\s/m.test(output)) return undefined;
  const [passed, failed, skipped] = [count('PASS'), count('FAIL'), count('SKIP')];
  if (/^=== RUN/m.test(output)) return { passed, failed, skipped };
  return failed > 0 ? { failed } : undefined;
}

function rspecCounts(line: string): Counted {
  const [examples = 0, failed = 0, skipped = 0] = [/(\d+) examples?/, /(\d+) failures?/, /(\d+) pending/].map((pattern) => Number(pattern.exec(line)?.[1] ?? 0));
  return { passed: examples - failed - skipped, failed, skipped };
}
