// @ts-check
import { become, program } from './child.js';
import { prepareCommand } from './prepare.js';
import { ensureRedis } from './redis.js';

await program(async () => {
  await prepareCommand();
  await ensureRedis();
  await become(process.execPath, ['apps/e2e/dist/conformance/main.js', ...process.argv.slice(2)]);
});
