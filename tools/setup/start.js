// @ts-check
import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { become, program } from './child.js';
import { prepare } from './prepare.js';

await program(async () => {
  // The set-up asks the same settings as the server: what hosts agents, and whether there is a Redis.
  if (existsSync('.env')) loadEnvFile('.env');
  await prepare();
  await become(process.execPath, ['apps/cli/dist/main.js', 'start', ...process.argv.slice(2)]);
});
