// @ts-check
// npm test [-- [--only checks|lint|unit|e2e]… [file pattern…]]
import { parseArgs } from 'node:util';
import { program, SetupError } from './child.js';
import { prepare } from './prepare.js';
import { suites, sum } from './suites.js';

/** @returns {{ chosen: string[], patterns: string[] }} */
function readArguments() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string', multiple: true, default: [] } } });
  const unknown = values.only.find((name) => !(name in suites));
  if (unknown) throw new SetupError(`--only takes ${Object.keys(suites).join(', ')}, not ${unknown}.`);
  return { chosen: values.only.length > 0 ? values.only : Object.keys(suites), patterns: positionals };
}

/** The line that closes a run. @param {import('./suites.js').Tally} tally */
const closingLine = ({ passed, failed, skipped }) => `\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

await program(async () => {
  const { chosen, patterns } = readArguments();
  try {
    await prepare();
  } catch (error) {
    console.error(error instanceof SetupError ? error.message : error);
    console.log(closingLine({ passed: 0, failed: 1, skipped: 0 }));
    process.exitCode = 1;
    return;
  }

  const tallies = [];
  for (const name of chosen) {
    console.log(`\n── ${name}`);
    tallies.push(await /** @type {(typeof suites)[string]} */ (suites[name])(patterns));
  }
  const total = sum(tallies);
  console.log(closingLine(total));
  process.exitCode = total.failed === 0 ? 0 : 1;
});
