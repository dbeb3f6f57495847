// @ts-check
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of this repository. */
export const repository = fileURLToPath(new URL('../..', import.meta.url));

/**
 * What a check saw: a line that says how much was looked at, and one line per violation.
 * @typedef {{ seen: string, violations: string[] }} Findings
 */

/**
 * Runs a check when its file is the program: `node tools/checks/<name>.js [folder]`. Exits with 1 on any violation.
 * @param {string} url the check's `import.meta.url`
 * @param {(root: string) => Findings} check
 */
export function runAsProgram(url, check) {
  if (process.argv[1] === undefined || resolve(process.argv[1]) !== fileURLToPath(url)) return;
  const { seen, violations } = check(resolve(process.argv[2] ?? repository));
  for (const violation of violations) console.error(violation);
  console.log(`${seen}: ${violations.length === 0 ? 'no violation' : `${violations.length} violation${violations.length === 1 ? '' : 's'}`}`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
