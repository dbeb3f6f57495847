// @ts-check
import { become, program } from './child.js';
import { prepare } from './prepare.js';

await program(async () => {
  await prepare();
  await become(process.execPath, ['apps/cli/dist/main.js', 'start', ...process.argv.slice(2)]);
});
