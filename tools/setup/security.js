// @ts-check
import { become, program } from './child.js';
import { prepare } from './prepare.js';

await program(async () => {
  await prepare();
  await become(process.execPath, ['apps/e2e/dist/security/main.js', ...process.argv.slice(2)]);
});
