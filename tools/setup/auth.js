// @ts-check
import { become, program } from './child.js';
import { prepareCommand } from './prepare.js';

await program(async () => {
  await prepareCommand();
  await become(process.execPath, ['apps/cli/dist/main.js', 'auth', ...process.argv.slice(2)]);
});
