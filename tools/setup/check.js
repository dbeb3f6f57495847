// @ts-check
// Everything that `npm test` runs, project by project through Nx, which skips what has not changed.
import { installed, program, run } from './child.js';
import { prepare } from './prepare.js';
import { suites } from './suites.js';

await program(async () => {
  await prepare();
  const { failed } = await /** @type {(typeof suites)[string]} */ (suites['checks'])([]);
  const cached = await run(installed('nx'), ['run-many', '-t', 'build', 'typecheck', 'lint', 'test', '--parallel=2']);
  const endToEnd = await run(installed('nx'), ['run-many', '-t', 'e2e']);
  process.exitCode = failed === 0 && cached === 0 && endToEnd === 0 ? 0 : 1;
});
